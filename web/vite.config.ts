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
        .filter((name) => /\.\w+$/.test(name) && !name.endsWith('.html'))
      const addresses = JSON.stringify([base, ...names.sort().map((name) => base + name)])
      for (const output of Object.values(bundle)) {
        if (output.type !== 'chunk') continue
        output.code = output.code.replace(new RegExp(`["'\`]${listOfFiles}["'\`]`), () => addresses)
      }
    },
  }
}

/** What is built, one after the other: the worker, one file, names what the app is by then. */
const inputs: Readonly<Record<string, string>> = {
  production: 'index.html',
  worker: 'worker.ts',
  components: 'components.html',
}

/**
 * Nothing is inlined: `data:` addresses would need a laxer policy. No preload polyfill: every
 * browser that can hold the keys has module preload. All that is loaded first is one file: many
 * small ones compress badly.
 */
export default defineConfig(({ mode }) => ({
  root: app,
  base,
  publicDir: mode === 'production' ? path.join(app, 'public') : false,
  plugins: mode === 'worker' ? [listFiles()] : [],
  define: { APP_VERSION: JSON.stringify(version) },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: path.join(web, 'dist'),
    emptyOutDir: mode === 'production',
    modulePreload: false,
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    rollupOptions: {
      input: path.join(app, inputs[mode] ?? ''),
      output:
        mode === 'worker'
          ? { entryFileNames: 'worker.js' }
          : {
              entryFileNames: 'assets/[name]-[hash].js',
              codeSplitting: { groups: [{ name: 'first', tags: ['$initial'] }] },
            },
    },
  },
}))
