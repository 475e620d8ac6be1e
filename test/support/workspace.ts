// What the repository's own tests look at: the members of the workspace, their manifests and their source files.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The parts of a `package.json` that the repository has rules for. */
export interface Manifest {
  name: string;
  private?: boolean;
  type?: string;
  license?: string;
  description?: string;
  engines?: Record<string, string>;
  files?: string[];
  publishConfig?: { access?: string };
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

/** One package, app or the benchmarks. */
export interface Member {
  /** From the repository's root, `packages/codec` for example. */
  folder: string;
  /** The same folder as an absolute path. */
  path: string;
  manifest: Manifest;
}

/** Reads the manifest of a folder given as an absolute path. */
function readManifest(path: string): Manifest {
  return JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as Manifest;
}

/** The root's own manifest. */
export const rootManifest = readManifest(root);

/** Every member of the workspace, in the order of the folders' names. */
export const members: Member[] = ['packages', 'apps', '.']
  .flatMap((group) => readdirSync(join(root, group)).map((name) => join(group, name)))
  .filter((folder) => existsSync(join(root, folder, 'package.json')))
  .map((folder) => ({ folder, path: join(root, folder), manifest: readManifest(join(root, folder)) }));

/** The TypeScript files under `src` of a member, as absolute paths. */
export function sourceFiles(member: Member): string[] {
  const src = join(member.path, 'src');
  if (!existsSync(src)) return [];
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(src, file));
}
