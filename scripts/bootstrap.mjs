// Lets `npm start` and `npm test` work on a machine that has Node and npm and nothing else: puts the pinned
// pnpm into the git-ignored `.tools` folder, installs the dependencies when they changed, then runs a task of
// `scripts/tasks.mjs`. Imports nothing that has to be installed first.
//
//   node scripts/bootstrap.mjs [TASK [ARGUMENT...]]      without a task: set up only
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tasks } from './tasks.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const toolsDir = join(root, '.tools');
const pnpmDir = join(toolsDir, 'node_modules', 'pnpm');
const pnpmStampFile = join(toolsDir, 'pnpm-stamp');
const dependencyStampFile = join(root, 'node_modules', '.bootstrap-stamp');
const windows = process.platform === 'win32';

/** The last signal that was passed on; what it stopped is not tried again. */
let stoppedBy;

/** A problem to report in one line, without a stack trace. */
class BootstrapError extends Error {}

/** @param {string} text a line about the set-up; stdout belongs to the task */
function say(text) {
  process.stderr.write(`bootstrap: ${text}\n`);
}

function checkNodeVersion() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [, wantedMajor, wantedMinor] = /^>=(\d+)\.(\d+)/.exec(manifest.engines.node).map(Number);
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  throw new BootstrapError(
    `Node ${manifest.engines.node} is needed, this is ${process.versions.node} (${process.execPath}). ` +
      'Install a newer Node and run the command again.',
  );
}

/** The environment of every command: our tools first on PATH, and none of what an outer npm tells its scripts. */
function taskEnvironment() {
  const env = {};
  for (const [name, value] of Object.entries(process.env)) {
    const setByNpm = /^npm_/i.test(name) && !/^npm_config_registry$/i.test(name);
    if (!setByNpm && !/^path$/i.test(name)) env[name] = value;
  }
  const pathBefore = process.env.PATH ?? process.env.Path ?? '';
  const ours = [join(toolsDir, 'node_modules', '.bin'), join(root, 'node_modules', '.bin')];
  return {
    ...env,
    PATH: [...ours, pathBefore].join(delimiter),
    TURBO_TELEMETRY_DISABLED: '1',
    TURBO_NO_UPDATE_NOTIFIER: '1',
  };
}

/**
 * Runs a command at the root and passes our signals on to it.
 *
 * @param {'inherit' | (number | string)[]} stdio as `spawn` takes it
 * @returns {Promise<{code: number | null, signal: NodeJS.Signals | null}>} how it ended
 */
function run(command, args, env, stdio = 'inherit') {
  return new Promise((resolve, reject) => {
    const shell = windows && command !== process.execPath;
    const child = spawn(command, args, { cwd: root, env, stdio, shell });
    const forward = (signal) => {
      stoppedBy = signal;
      // A terminal has already sent its Ctrl-C to the whole process group.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, forward);
    // A signal to npm ends the shell between npm and us, which does not tell us.
    const parent = process.ppid;
    const parentWatch = setInterval(() => {
      if (process.ppid !== parent && stoppedBy === undefined) forward('SIGTERM');
    }, 500);
    const stopForwarding = () => {
      clearInterval(parentWatch);
      for (const signal of signals) process.off(signal, forward);
    };
    child.once('error', (error) => {
      stopForwarding();
      reject(new BootstrapError(`cannot run ${command}: ${error.message}`));
    });
    child.once('close', (code, signal) => {
      stopForwarding();
      resolve({ code, signal });
    });
  });
}

/** Runs a set-up command that needs the network, once more if it fails, with its output on stderr. */
async function runWithRetry(what, command, args, env) {
  for (let attempt = 1; ; attempt += 1) {
    const { code, signal } = await run(command, args, env, ['inherit', 2, 2]);
    if (code === 0) return;
    const reason = stoppedBy ?? signal;
    if (reason !== null) throw new BootstrapError(`${what} was stopped by ${reason}.`);
    if (attempt === 2) {
      throw new BootstrapError(`${what} failed twice (status ${code}); the reason stands above.`);
    }
    say(`${what} failed (status ${code}), trying once more`);
  }
}

/** Whether a set-up step was finished before, with the same ingredients. */
function isStamped(file, stamp) {
  return existsSync(file) && readFileSync(file, 'utf8') === stamp;
}

/** Puts the pinned pnpm in place; a stamp written last tells a finished installation from a broken one. */
async function installPnpm() {
  const version = manifest.packageManager.replace(/^pnpm@/, '');
  const stamp = `${version} ${process.platform}-${process.arch}`;
  if (isStamped(pnpmStampFile, stamp)) return;
  say(`putting pnpm ${version} into .tools`);
  mkdirSync(toolsDir, { recursive: true });
  const npmCli = process.env.npm_execpath ?? '';
  const [npm, npmArgs] = /npm-cli\.[cm]?js$/.test(npmCli) ? [process.execPath, [npmCli]] : ['npm', []];
  const quiet = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--loglevel=error'];
  const install = ['install', '--prefix', toolsDir, '--ignore-scripts', ...quiet, `pnpm@${version}`];
  await runWithRetry('installing pnpm', npm, [...npmArgs, ...install], process.env);
  // Some versions of npm run install scripts and others do not, so its own one, which needs no network, runs here.
  await runWithRetry('unpacking pnpm', process.execPath, [join(pnpmDir, 'install.js')], process.env);
  writeFileSync(pnpmStampFile, stamp);
}

/** What the installed dependencies were made from: when it changes, they are installed again. */
function dependencyStamp() {
  const members = ['packages', 'apps'].flatMap((group) => {
    const folder = join(root, group);
    return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
  });
  const manifests = [root, join(root, 'bench'), ...members]
    .map((folder) => join(folder, 'package.json'))
    .sort();
  const files = [join(root, 'pnpm-lock.yaml'), join(root, 'pnpm-workspace.yaml'), ...manifests];
  const hash = createHash('sha256');
  hash.update([process.versions.modules, process.platform, process.arch, manifest.packageManager].join(' '));
  for (const file of files.filter((path) => existsSync(path))) hash.update(file).update(readFileSync(file));
  return hash.digest('hex');
}

async function installDependencies(env) {
  const stamp = dependencyStamp();
  if (isStamped(dependencyStampFile, stamp)) return;
  say('installing dependencies');
  const options = ['--frozen-lockfile', '--prefer-offline', '--config.confirm-modules-purge=false'];
  await runWithRetry('installing dependencies', 'pnpm', ['install', ...options], env);
  writeFileSync(dependencyStampFile, stamp);
}

/** Runs the steps of a task until one fails; arguments go to the last one. */
async function runTask(name, args, env) {
  const task = tasks[name];
  if (task === undefined) {
    throw new BootstrapError(`there is no task '${name}'; there are: ${Object.keys(tasks).join(', ')}`);
  }
  const taskEnv = { ...env, ...task.env };
  for (const [index, [command, ...stepArgs]] of task.steps.entries()) {
    const last = index === task.steps.length - 1;
    if (command === 'node' && !existsSync(join(root, stepArgs[0]))) {
      throw new BootstrapError(`'${name}' runs ${stepArgs[0]}, and there is no such file in this checkout.`);
    }
    const program = command === 'node' ? process.execPath : command;
    const end = await run(program, last ? [...stepArgs, ...args] : stepArgs, taskEnv);
    if (end.code !== 0) return end;
  }
  return { code: 0, signal: null };
}

async function main() {
  checkNodeVersion();
  const env = taskEnvironment();
  await installPnpm();
  await installDependencies(env);
  const [name, ...args] = process.argv.slice(2);
  if (name === undefined) return say('everything is installed');
  const { code, signal } = await runTask(name, args, env);
  process.exitCode = signal === null ? code : 128 + constants.signals[signal];
}

try {
  await main();
} catch (error) {
  if (!(error instanceof BootstrapError)) throw error;
  say(error.message);
  process.exitCode = 1;
}
