import { defineConfig } from 'vitest/config'
import { fileURLToPath } from 'node:url'

/** Rooms whose tests change or look at what a process has once (tfjs, globals, modules of users): each of their files gets a process. */
const aProcessEach = [
  'rooms.test.ts',
  ...[
    'bundle',
    'client',
    'conformance',
    'experiment',
    'interop',
    'isolation',
    'notebook',
    'programs',
    'setup',
    'system',
    'train',
    'worker',
  ].map((room) => `${room}/**`),
]

export default defineConfig({
  resolve: {
    alias: [
      { find: /^maggy$/, replacement: fileURLToPath(new URL('./src/index.ts', import.meta.url)) },
      // As the build does for all of dist (deploy/build.mjs): the package would be loaded anew for every test file.
      { find: /^typebox$/, replacement: fileURLToPath(new URL('./dist/protocol/typebox/typebox.js', import.meta.url)) },
      {
        find: /^typebox\/compile$/,
        replacement: fileURLToPath(new URL('./dist/protocol/typebox/compile.js', import.meta.url)),
      },
      { find: /^maggy\/notebook$/, replacement: fileURLToPath(new URL('./src/notebook/index.ts', import.meta.url)) },
      { find: /^maggy\/contract$/, replacement: fileURLToPath(new URL('./test/contract/index.ts', import.meta.url)) },
    ],
  },
  test: {
    server: { deps: { external: [/\/dist\/protocol\/typebox\//] } },
    // Colours come with CI=true: what is compared is the text.
    // Servers of tests are no servers to be met again: their ports are anybody's.
    env: { NO_COLOR: '1', MAGGY_KNOWN_SERVERS: '' },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: aProcessEach.map((room) => `test/${room}`),
          testTimeout: 60_000,
          maxWorkers: 2,
          // To load maggy anew for every file takes a third of their time.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'process',
          include: aProcessEach.map((room) => `test/${room.replace('**', '**/*.test.ts')}`),
          exclude: ['test/system/**', 'test/interop/**'],
          testTimeout: 60_000,
          maxWorkers: 2,
        },
      },
      {
        extends: true,
        // System tests start real servers and processes, and wait for them for two fifths of their time: two cores take four at a
        // time, which keeps both at work, after the unit tests (vitest wants an order for projects whose maxWorkers differ).
        test: {
          name: 'system',
          sequence: { groupOrder: 1 },
          include: ['test/system/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          pool: 'forks',
          maxWorkers: 4,
        },
      },
      {
        extends: true,
        // Tools of others read what is ours: `npm run test:interop` brings them, `npm test` does without.
        test: {
          name: 'interop',
          sequence: { groupOrder: 2 },
          include: ['test/interop/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 300_000,
          pool: 'forks',
          maxWorkers: 3,
        },
      },
    ],
  },
})
