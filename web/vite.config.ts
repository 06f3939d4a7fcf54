import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { defineConfig, type Plugin } from 'vite'

const web = import.meta.dirname
const app = path.join(web, 'authenticator')
const base = '/authenticator/'
const { version } = JSON.parse(readFileSync(path.join(web, '../package.json'), 'utf8'))

/** The names in the built worker, in the place of what its source says. */
const listOfFiles = '__FILES__'

/**
 * The service worker keeps what the app loads, and is another file as soon as one of them is: a
 * browser then installs it anew.
 */
function listFiles(): Plugin {
  let folder = ''
  return {
    name: 'list-files',
    configResolved({ build }) {
      folder = build.outDir
    },
    generateBundle(_options, bundle) {
      const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      const names = files
        .map((name) => name.replaceAll('\\', '/'))
        .filter((name) => /\.\w+$/.test(name) && !/\.html$|components|^worker/.test(name))
      const addresses = JSON.stringify([base, ...names.sort().map((name) => base + name)])
      for (const output of Object.values(bundle)) {
        if (output.type !== 'chunk') continue
        output.code = output.code.replace(new RegExp(`["'\`]${listOfFiles}["'\`]`), () => addresses)
      }
    },
  }
}

/** What the app is made of; the worker is built by itself (mode `worker`), after the rest. */
const inputs = {
  index: path.join(app, 'index.html'),
  components: path.join(app, 'components.html'),
}

/**
 * Nothing is inlined: `data:` addresses would need a laxer policy. No preload polyfill: every
 * browser that can hold the keys has module preload. The worker is one file: not every browser
 * lets workers of this kind import others.
 */
export default defineConfig(({ mode }) => ({
  root: app,
  base,
  publicDir: mode === 'worker' ? false : path.join(app, 'public'),
  plugins: mode === 'worker' ? [listFiles()] : [],
  define: { APP_VERSION: JSON.stringify(version) },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: path.join(web, 'dist'),
    emptyOutDir: mode !== 'worker',
    modulePreload: false,
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    rollupOptions:
      mode === 'worker'
        ? { input: path.join(app, 'worker.ts'), output: { entryFileNames: 'worker.js' } }
        : { input: inputs, output: { entryFileNames: 'assets/[name]-[hash].js' } },
  },
}))
