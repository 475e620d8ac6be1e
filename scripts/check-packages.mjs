// Checks packages and apps as their users get them, not as they lie here: every public package is packed, inspected,
// installed in an empty project and used from there, with its README's example; every app is deployed to a folder
// of its own and started. Leaves nothing behind.
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const work = realpathSync(mkdtempSync(join(tmpdir(), 'check-packages-')));
const consumer = join(work, 'consumer');

class CheckError extends Error {}

function main() {
  const packages = membersOf('packages').filter(({ manifest }) => manifest.private !== true);
  const apps = membersOf('apps').filter(({ manifest }) => manifest.bin !== undefined);

  const packed = packages.map((member) => ({
    ...member,
    tarball: pack(member),
    example: firstExample(join(member.path, 'README.md')),
  }));
  packed.forEach(checkTarball);
  installInEmptyProject(packed);
  packed.forEach(checkImport);
  const rootExample = firstExample(join(root, 'README.md'));
  checkTypes([...packed, { name: 'root', manifest: packed[0].manifest, example: rootExample }]);
  packed.forEach(checkExample);
  runExample('the root README', rootExample);
  rehearsePublishing();
  apps.forEach(checkDeployed);
}

function membersOf(group) {
  return readdirSync(join(root, group))
    .map((name) => ({ name, path: join(root, group, name) }))
    .filter(({ path }) => existsSync(join(path, 'package.json')))
    .map((member) => ({ ...member, manifest: readJson(join(member.path, 'package.json')) }));
}

/** Packs a package as it would be published; returns the tarball's path. */
function pack({ name, path }) {
  const folder = join(work, 'tarballs', name);
  mkdirSync(folder, { recursive: true });
  run('pnpm', ['pack', '--pack-destination', folder], path);
  const [tarball] = readdirSync(folder);
  return join(folder, tarball);
}

/** What is in the tarball, and whether every way of importing it finds code and types. */
function checkTarball({ manifest, tarball }) {
  const files = run('tar', ['-tzf', tarball])
    .trim()
    .split('\n')
    .map((file) => file.replace(/^package\//, ''));
  for (const needed of ['LICENSE', 'README.md', 'dist/index.js', 'dist/index.d.ts', 'src/index.ts']) {
    if (!files.includes(needed)) throw new CheckError(`${manifest.name}: ${needed} is not in the tarball`);
  }
  const strays = files.filter((file) => /(^|\/)(test|tsconfig[^/]*\.json|node_modules)(\/|$)/.test(file));
  if (strays.length > 0) throw new CheckError(`${manifest.name}: ships ${strays.join(', ')}`);
  const compiled = files.filter((file) => /^dist\/.*\.js$/.test(file));
  const stale = compiled.filter((file) => !files.includes(file.replace(/^dist\/(.*)\.js$/, 'src/$1.ts')));
  if (stale.length > 0) {
    throw new CheckError(
      `${manifest.name}: ${stale.join(', ')} has no source any more: remove dist and build again with turbo run build --force`,
    );
  }
  const packedManifest = run('tar', ['-xzOf', tarball, 'package/package.json']);
  const leaked = /workspace:|catalog:|"workspace"/.exec(packedManifest);
  if (leaked) throw new CheckError(`${manifest.name}: the packed package.json still says ${leaked[0]}`);
  run('publint', ['--strict', tarball]);
  run('attw', [tarball, '--profile', 'esm-only', '--no-color']);
  say(`${manifest.name}: ${files.length} files, packed right, imports and types resolve`);
}

/** A project like a user's, with nothing but our tarballs and what they depend on. */
function installInEmptyProject(packed) {
  const tarballs = Object.fromEntries(
    packed.map(({ manifest, tarball }) => [manifest.name, `file:${tarball}`]),
  );
  mkdirSync(consumer);
  writeJson(join(consumer, 'package.json'), {
    name: 'consumer',
    private: true,
    type: 'module',
    dependencies: tarballs,
    overrides: Object.fromEntries(Object.keys(tarballs).map((name) => [name, `$${name}`])),
  });
  run('npm', ['install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund'], consumer);
  const inside = packed.filter(({ manifest }) => !existsSync(join(consumer, 'node_modules', manifest.name)));
  if (inside.length > 0)
    throw new CheckError(`not installed: ${inside.map(({ manifest }) => manifest.name).join(', ')}`);
}

/** Imports the installed package as an ES module and prints what it exports. */
function checkImport({ manifest }) {
  const script = `console.log(Object.keys(await import(${JSON.stringify(manifest.name)})).sort().join(', '))`;
  const names = run(process.execPath, ['--input-type=module', '--eval', script], consumer).trim();
  if (names === '') throw new CheckError(`${manifest.name} exports nothing`);
  say(`${manifest.name} exports ${names}`);
}

/** Compiles a program that uses each package and the README examples in TypeScript against the installed packages. */
function checkTypes(packed) {
  for (const { name, manifest, example } of packed) {
    const use = `import * as all from '${manifest.name}';\nexport const names: string[] = Object.keys(all);\n`;
    writeFileSync(join(consumer, `${name}.ts`), use);
    if (example.language === 'ts') {
      writeFileSync(join(consumer, `${name}-readme.ts`), `${example.code}\nexport {};\n`);
    }
  }
  writeJson(join(consumer, 'tsconfig.json'), {
    compilerOptions: {
      target: 'es2023',
      lib: ['es2023', 'esnext.disposable'],
      module: 'nodenext',
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      typeRoots: [join(root, 'node_modules', '@types')],
      types: ['node'],
    },
    include: ['*.ts'],
  });
  run('tsc', ['-p', consumer], consumer);
  say(
    `a TypeScript program compiles against each of ${packed.length} packages, and so do the READMEs' examples`,
  );
}

/** Runs a README's example that is in JavaScript; one that never ends has to be in TypeScript, and is compiled. */
function checkExample({ manifest, example }) {
  if (example.language === 'js') runExample(`the README of ${manifest.name}`, example);
}

/** Runs an example against the installed packages; one that is marked as TypeScript must be JavaScript as well. */
function runExample(where, { code }) {
  run(process.execPath, ['--input-type=module', '--eval', code], consumer);
  say(`the example in ${where} runs`);
}

function firstExample(readme) {
  const example = /^```(ts|js)\n(.*?)^```$/ms.exec(readFileSync(readme, 'utf8'));
  if (!example) throw new CheckError(`${relative(root, readme)} has no example in TypeScript or JavaScript`);
  return { language: example[1], code: example[2] };
}

function rehearsePublishing() {
  run('pnpm', ['-r', 'publish', '--dry-run', '--no-git-checks'], root);
  say('publishing works, as far as a rehearsal shows');
}

/** Deploys an app to an empty folder and starts it there. */
function checkDeployed({ name, manifest }) {
  const folder = join(work, 'deployed', name);
  run('pnpm', ['--filter', manifest.name, 'deploy', '--prod', '--prefer-offline', folder], root);
  const leaving = linksOutOf(folder);
  if (leaving.length > 0)
    throw new CheckError(`${manifest.name}: links out of its folder: ${leaving.join(', ')}`);
  for (const [command, file] of Object.entries(manifest.bin)) {
    const help = run(join(folder, file), ['--help'], folder);
    if (!help.includes('Usage:')) throw new CheckError(`${command} --help prints no usage:\n${help}`);
    // The demo needs nothing to do what it is for, and has all other apps with it.
    if (command === 'ds-demo') run(join(folder, file), [], folder);
    say(`${command} runs from a deployed folder`);
  }
}

function linksOutOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isSymbolicLink())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((link) => !realpathSync(link).startsWith(folder));
}

/** Runs a command quietly; its output is returned, and shown when it fails. */
function run(command, args, cwd = root) {
  try {
    return execFileSync(command, args, {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 120_000,
    });
  } catch (error) {
    const output = `${error.stdout ?? ''}${error.stderr ?? ''}`.trim();
    throw new CheckError(`${basename(command)} ${args.join(' ')}\n${output === '' ? error.message : output}`);
  }
}

function say(text) {
  console.log(text);
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

function writeJson(path, value) {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}

try {
  main();
} catch (error) {
  if (!(error instanceof CheckError)) throw error;
  console.error(`check-packages: ${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
