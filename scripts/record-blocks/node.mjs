/** Runs `hardhat node` as a process of its own and speaks JSON-RPC to it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));

/**
 * Starts the node on a free port.
 * @returns `rpc(method, ...params)`, which resolves to the result and throws on an error, and `stop()`.
 */
export async function startNode() {
  const hardhat = fileURLToPath(new URL('node_modules/hardhat/internal/cli/bootstrap.js', import.meta.url));
  const child = spawn(process.execPath, [hardhat, 'node', '--port', '0'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, HARDHAT_DISABLE_TELEMETRY_PROMPT: 'true' },
  });
  const url = await new Promise((resolve, reject) => {
    child.once('exit', (status) => reject(new Error(`hardhat node ended with status ${status}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const address = /JSON-RPC server at (http\S+)/.exec(line);
      if (address) resolve(address[1]);
    });
  });

  const rpc = async (method, ...params) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    const { result, error } = await response.json();
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  };

  const stop = async () => {
    const ended = once(child, 'exit');
    child.kill();
    await ended;
  };
  return { rpc, stop };
}
