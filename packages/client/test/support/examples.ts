/** Examples of the README: compiled as they stand there, and run with modules and a console that a test gives them. */
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const folder = fileURLToPath(new URL('..', import.meta.url));
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

/** What an example takes to be there beside the packages. */
const databaseModule = `
export declare const database: {
  get(key: string): Promise<string | undefined>;
  transaction(act: (changes: { set(key: string, value: string): Promise<void> }) => Promise<void>): Promise<void>;
};`;

/** What the compiler has to say about examples, strictest settings, as if they stood in files of this package. */
export function compileProblems(examples: readonly string[]): string[] {
  const files = new Map(examples.map((text, nth) => [`${folder}example-${nth}.ts`, text]));
  const all = new Map([...files, [`${folder}database.ts`, databaseModule]]);
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
  console: { log(text: string): unknown },
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
