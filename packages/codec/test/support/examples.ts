/** Examples of READMEs: compiled as they stand there, and run with modules and a console that a test gives them. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
  types: ['node'],
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: true,
  noEmit: true,
  customConditions: ['workspace'],
};

/** A README's example. */
export interface Example {
  /** Folder of the README, from the repository's root: the example may import what the package there may. */
  readonly folder: string;
  readonly text: string;
  /** What stands before it where it is a fragment. */
  readonly prelude?: string | undefined;
  /** What it takes to be there beside the packages: texts of modules by their name. */
  readonly modules?: Readonly<Record<string, string>> | undefined;
}

/** All blocks of TypeScript in a document. */
export function typescriptIn(document: string): string[] {
  return Array.from(document.matchAll(/^```ts\n(.*?)^```$/gms), ([, text = '']) => text);
}

/** What the compiler has to say about examples, strictest settings, as if they stood in files of their packages. */
export function compileProblems(examples: readonly Example[]): string[] {
  const root = fileURLToPath(new URL('../../../..', import.meta.url));
  const files = new Map<string, string>();
  const all = new Map<string, string>();
  examples.forEach(({ folder, text, prelude = '', modules = {} }, nth) => {
    files.set(join(root, folder, `example-${nth}.ts`), `${prelude}\n${text}\nexport {};\n`);
    for (const [name, module] of Object.entries(modules)) all.set(join(root, folder, name), module);
  });
  for (const [name, text] of files) all.set(name, text);
  const disk = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (name) => all.has(name) || disk.fileExists(name),
    readFile: (name) => all.get(name) ?? disk.readFile(name),
    getSourceFile: (name, ...rest) => {
      const text = all.get(name);
      if (text === undefined) return disk.getSourceFile(name, ...rest);
      const version = {
        languageVersion: ts.ScriptTarget.ES2022,
        impliedNodeFormat: ts.ModuleKind.ESNext,
      } as const;
      return ts.createSourceFile(name, text, version);
    },
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files.keys()].flatMap((name) => {
    const file = program.getSourceFile(name);
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
      ({ messageText }) => `${name}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
    );
  });
}

/** Runs an example to its end. What it imports is taken from `modules`. */
export async function runExample(
  text: string,
  modules: Readonly<Record<string, object>>,
  console: { log(...values: never[]): unknown },
): Promise<void> {
  const script = ts
    .transpileModule(text, {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
    })
    .outputText.replaceAll(/^import (\{.*?\}) from '(.*?)';$/gm, "const $1 = modules['$2'];")
    .replace(/^export \{\};$/m, '');
  const AsyncFunction = (async () => undefined).constructor as new (
    ...text: string[]
  ) => (...given: unknown[]) => Promise<void>;
  await new AsyncFunction('modules', 'console', script)(modules, console);
}
