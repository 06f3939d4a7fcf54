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
  return {
    name: 'list-files',
    generateBundle(_options, bundle) {
      const still = readdirSync(path.join(app, 'public'), { recursive: true, encoding: 'utf8' })
      const files = [...Object.keys(bundle), ...still.map((name) => name.replaceAll('\\', '/'))]
      for (const output of Object.values(bundle)) {
        if (output.type !== 'chunk' || output.fileName !== 'worker.js') continue
        const names = files.filter(
          (name) => /\.\w+$/.test(name) && !/\.html$|components|^worker/.test(name),
        )
        const addresses = JSON.stringify([base, ...names.sort().map((name) => base + name)])
        output.code = output.code.replace(new RegExp(`["'\`]${listOfFiles}["'\`]`), () => addresses)
      }
    },
  }
}

/**
 * Nothing is inlined: `data:` addresses would need a laxer policy. No preload polyfill: every
 * browser that can hold the keys has module preload.
 */
export default defineConfig({
  root: app,
  base,
  publicDir: path.join(app, 'public'),
  plugins: [listFiles()],
  define: { APP_VERSION: JSON.stringify(version) },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: path.join(web, 'dist'),
    emptyOutDir: true,
    modulePreload: false,
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    rollupOptions: {
      input: {
        index: path.join(app, 'index.html'),
        components: path.join(app, 'components.html'),
        worker: path.join(app, 'worker.ts'),
      },
      output: {
        entryFileNames: ({ name }) => (name === 'worker' ? 'worker.js' : 'assets/[name]-[hash].js'),
      },
    },
  },
})
