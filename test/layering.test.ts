// Goal: the shape of the repository is what its documentation says, and stays so. One table names who may import
// whom; manifests and import statements are held against it. A package that is missing in the table fails, so a
// new one has to be placed first.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { identifiersOf, importsOf, isExportsOnly, loadedFiles, parse } from './support/source-file.js';
import { members, rootManifest, sourceFiles } from './support/workspace.js';
import type { Member } from './support/workspace.js';

interface Layer {
  /** Members of this workspace it may import. */
  uses: readonly string[];
  /** Packages of others it may import; `any` leaves that to its manifest. */
  libraries: readonly string[] | 'any';
  /** Whether it may import `node:` modules. */
  node: boolean;
}

const packages = [
  '@ds/codec',
  '@ds/stream-file',
  '@ds/server',
  '@ds/source',
  '@ds/client',
  '@ds/relay',
  '@ds/zkevm',
];
const app: Layer = { uses: ['@ds/app-kit', '@ds/serving-kit', ...packages], libraries: 'any', node: true };

const layers: Record<string, Layer> = {
  '@ds/codec': { uses: [], libraries: [], node: false },
  '@ds/zkevm': { uses: [], libraries: ['@bufbuild/protobuf'], node: false },
  '@ds/stream-file': { uses: ['@ds/codec'], libraries: ['classic-level'], node: true },
  '@ds/client': { uses: ['@ds/codec'], libraries: [], node: true },
  '@ds/source': { uses: ['@ds/codec'], libraries: [], node: true },
  '@ds/server': { uses: ['@ds/codec', '@ds/stream-file'], libraries: [], node: true },
  '@ds/relay': {
    uses: ['@ds/codec', '@ds/stream-file', '@ds/server', '@ds/client'],
    libraries: [],
    node: true,
  },
  '@ds/app-kit': { uses: ['@ds/codec'], libraries: 'any', node: true },
  '@ds/serving-kit': {
    uses: ['@ds/app-kit', '@ds/codec', '@ds/server', '@ds/stream-file'],
    libraries: ['prom-client'],
    node: true,
  },
  'ds-server': app,
  'ds-relay': app,
  'ds-source': app,
  'ds-client': app,
  'ds-stream': { ...app, uses: ['@ds/app-kit', '@ds/codec', '@ds/stream-file'] },
  // It starts all of them as programs, and takes the conversion of blocks from ds-source.
  'ds-demo': { ...app, uses: [...app.uses, 'ds-client', 'ds-relay', 'ds-server', 'ds-source'] },
  '@ds/test-kit': { uses: [], libraries: [], node: true },
  'ds-bench': { uses: packages, libraries: 'any', node: true },
};

/** What a session is not allowed to reach for: time, randomness and the process come from outside, as input. */
const impureNames = [
  'Date',
  'performance',
  'process',
  'Promise',
  'setImmediate',
  'setInterval',
  'setTimeout',
];

const workspaceNames = new Set(members.map((member) => member.manifest.name));
const published = members.filter((member) => member.manifest.private !== true);
const libraries = members.filter((member) => existsSync(join(member.path, 'src', 'index.ts')));

function layerOf(member: Member): Layer {
  const layer = layers[member.manifest.name];
  if (layer === undefined) throw new Error(`${member.folder} is not in the table of layers`);
  return layer;
}

/** `@scope/name/file` and `name/file` belong to `@scope/name` and `name`. */
function packageName(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

function mayUse(layer: Layer, name: string): boolean {
  if (workspaceNames.has(name)) return layer.uses.includes(name);
  return layer.libraries === 'any' || layer.libraries.includes(name);
}

/** The imports of a member's sources that its layer does not allow, as `file: specifier`. */
function forbiddenImports(member: Member): string[] {
  const layer = layerOf(member);
  const declared = Object.keys(member.manifest.dependencies ?? {});
  const allowed = (file: string, specifier: string): boolean => {
    if (specifier.startsWith('.'))
      return isInside(join(member.path, 'src'), resolve(dirname(file), specifier));
    if (specifier.startsWith('node:')) return layer.node;
    const name = packageName(specifier);
    return mayUse(layer, name) && declared.includes(name);
  };
  return sourceFiles(member).flatMap((file) =>
    importsOf(parse(file))
      .filter(({ specifier }) => !allowed(file, specifier))
      .map(({ specifier }) => `${relative(member.path, file)}: ${specifier}`),
  );
}

function isInside(folder: string, path: string): boolean {
  return !relative(folder, path).startsWith('..');
}

describe('Who may import whom', () => {
  it('is decided for each member of the workspace, and for nothing else', () => {
    const decided = Object.keys(layers).filter((name) => name !== 'ds-demo' || workspaceNames.has(name));
    expect([...workspaceNames].sort()).toEqual(decided.sort());
  });

  for (const member of members) {
    describe(member.manifest.name, () => {
      it('depends on allowed packages only', () => {
        const { dependencies, optionalDependencies, peerDependencies } = member.manifest;
        const names = Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies });
        expect(names.filter((name) => !mayUse(layerOf(member), name))).toEqual([]);
      });

      it('imports only what it may and what its manifest declares', () => {
        expect(forbiddenImports(member)).toEqual([]);
      });

      it('takes every version from the one list of the workspace', () => {
        const versions = Object.entries({
          ...member.manifest.dependencies,
          ...member.manifest.devDependencies,
        });
        const own = versions.filter(([, version]) => version !== 'catalog:' && version !== 'workspace:^');
        expect(own).toEqual([]);
      });
    });
  }
});

describe('The public surface', () => {
  for (const member of libraries) {
    it(`of ${member.manifest.name} is an index file that does nothing but export`, () => {
      expect(isExportsOnly(parse(join(member.path, 'src', 'index.ts')))).toBe(true);
    });
  }
});

describe('A protocol session', () => {
  const sessions = members
    .flatMap(sourceFiles)
    .filter((file) => /session[^/]*\.ts$/.test(file))
    .map((file) => [relative(process.cwd(), file), file] as const);

  it('exists for more than one role', () => {
    expect(sessions.length).toBeGreaterThan(1);
  });

  it.each(sessions)('loads no Node module, directly or through its own files: %s', (_name, session) => {
    const nodeImports = [...loadedFiles(session)].flatMap((file) =>
      importsOf(parse(file))
        .filter(({ specifier, typeOnly }) => specifier.startsWith('node:') && !typeOnly)
        .map(({ specifier }) => `${relative(process.cwd(), file)}: ${specifier}`),
    );
    expect(nodeImports).toEqual([]);
  });

  it.each(sessions)('knows no clock, timer, promise or process: %s', (_name, session) => {
    const names = identifiersOf(parse(session));
    expect(impureNames.filter((name) => names.has(name))).toEqual([]);
  });
});

describe('A published package', () => {
  for (const { path, manifest } of published) {
    it(`${manifest.name} is a public, described, licensed ES module`, () => {
      expect(manifest).toMatchObject({
        type: 'module',
        license: 'Apache-2.0',
        publishConfig: { access: 'public' },
      });
      expect(manifest.description).toMatch(/\.$/);
    });

    it(`${manifest.name} ships its compiled code and the sources the maps point at`, () => {
      expect(manifest.files).toEqual(expect.arrayContaining(['dist', 'src']));
    });

    it(`${manifest.name} opens its README with a runnable example`, () => {
      expect(readFileSync(join(path, 'README.md'), 'utf8')).toMatch(/^```(ts|js)\n/m);
    });
  }

  it('and every other member runs on the same Node versions', () => {
    const others = members.filter(
      (member) => member.manifest.engines?.['node'] !== rootManifest.engines?.['node'],
    );
    expect(others.map((member) => member.folder)).toEqual([]);
  });
});
