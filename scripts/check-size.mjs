// What the packages cost those who use them: the size of codec and client in a bundle, and the number of names each
// package exports, held against a budget. A budget is raised on purpose, in the commit that needs it.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Bytes of everything a package exports, with its dependencies, bundled, minified and compressed by gzip. */
const sizeBudgets = { codec: 6_000, client: 15_000 };

/** Exported names, types included. */
const nameBudgets = {
  codec: 70,
  'stream-file': 38,
  server: 30,
  source: 25,
  client: 30,
  relay: 20,
  zkevm: 60,
};

let overBudget = false;

/** Prints one row of the table and remembers whether it is over its budget. */
function report(what, value, budget, unit) {
  const over = value > budget;
  overBudget ||= over;
  const row = [what.padEnd(40), String(value).padStart(7), unit.padEnd(6), `of ${budget}`.padStart(10)];
  console.log(`${row.join(' ')}${over ? '  OVER BUDGET' : ''}`);
}

async function bundledBytes(name) {
  const { outputFiles } = await build({
    entryPoints: [join(root, 'packages', name, 'dist', 'index.js')],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'node20',
    // In the codec nothing of Node may be left to resolve; the client is for Node.
    platform: name === 'codec' ? 'neutral' : 'node',
    write: false,
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

/** Counts what `index.d.ts` of each package exports, as the compiler sees it. */
function exportedNames(names) {
  const entries = names.map((name) => join(root, 'packages', name, 'dist', 'index.d.ts'));
  const options = {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: [],
  };
  const program = ts.createProgram(entries, options);
  const checker = program.getTypeChecker();
  return entries.map((entry) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(entry));
    return checker.getExportsOfModule(module).length;
  });
}

for (const [name, budget] of Object.entries(sizeBudgets)) {
  report(`@ds/${name}, minified and gzipped`, await bundledBytes(name), budget, 'bytes');
}
const counts = exportedNames(Object.keys(nameBudgets));
for (const [index, [name, budget]] of Object.entries(nameBudgets).entries()) {
  report(`@ds/${name}, exported`, counts[index], budget, 'names');
}
if (overBudget) {
  console.error(
    'check-size: over budget; make it smaller, or raise the budget in scripts/check-size.mjs and say why',
  );
  process.exitCode = 1;
}
