// What a TypeScript file imports and which names it uses, read with the compiler's parser: comments and strings
// that look like imports don't count.
import { readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import ts from 'typescript';

/** One import, re-export or dynamic import. */
export interface Import {
  specifier: string;
  /** True where only types come over: nothing is loaded at run time. */
  typeOnly: boolean;
}

/** Parses a file, for the functions below. */
export function parse(path: string): ts.SourceFile {
  return ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2023, true);
}

/** Everything a file imports, in the order of the text. */
export function importsOf(file: ts.SourceFile): Import[] {
  const imports: Import[] = [];
  const add = (specifier: ts.Node | undefined, typeOnly: boolean): void => {
    if (specifier !== undefined && ts.isStringLiteralLike(specifier)) {
      imports.push({ specifier: specifier.text, typeOnly });
    }
  };
  visit(file, (node) => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, node.isTypeOnly);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], false);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node.argument.literal, true);
    }
  });
  return imports;
}

/** All identifiers a file uses, except the names of properties. */
export function identifiersOf(file: ts.SourceFile): Set<string> {
  const names = new Set<string>();
  visit(file, (node) => {
    if (!ts.isIdentifier(node)) return;
    const isProperty =
      (ts.isPropertyAccessExpression(node.parent) && node.parent.name === node) ||
      (ts.isPropertyAssignment(node.parent) && node.parent.name === node) ||
      (ts.isPropertySignature(node.parent) && node.parent.name === node);
    if (!isProperty) names.add(node.text);
  });
  return names;
}

/** The files of the same package that a file loads, directly or through others, itself included; no type imports. */
export function loadedFiles(path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path)) return seen;
  seen.add(path);
  for (const { specifier, typeOnly } of importsOf(parse(path))) {
    if (typeOnly || !specifier.startsWith('.')) continue;
    const target = resolve(dirname(path), dirname(specifier), basename(specifier).replace(/\.js$/, '.ts'));
    loadedFiles(target, seen);
  }
  return seen;
}

/** Whether each statement of a file only hands on what another file exports. */
export function isExportsOnly(file: ts.SourceFile): boolean {
  return file.statements.every(
    (statement) => ts.isExportDeclaration(statement) && statement.moduleSpecifier !== undefined,
  );
}

function visit(node: ts.Node, look: (node: ts.Node) => void): void {
  look(node);
  ts.forEachChild(node, (child) => {
    visit(child, look);
  });
}
