// Preloaded by `NODE_OPTIONS=--import=...`: at its end the process writes the address of every
// module that it loaded, and of every part of Node, into the file MODULE_LIST. The first load of
// FAIL_ONCE fails.

import { writeFileSync } from 'node:fs'
import { registerHooks } from 'node:module'

const { MODULE_LIST = '', FAIL_ONCE } = process.env
const addresses: string[] = []
let hasFailed = FAIL_ONCE === undefined

registerHooks({
  load(address, context, next) {
    addresses.push(address)
    if (!hasFailed && address.includes(FAIL_ONCE ?? '')) {
      hasFailed = true
      throw new Error('too many open files')
    }
    return next(address, context)
  },
})
/** Node's own list; it is documented nowhere, and the test fails when it is gone. */
const { moduleLoadList } = process as unknown as { moduleLoadList: readonly string[] }
process.on('exit', () => {
  writeFileSync(MODULE_LIST, [...addresses, ...moduleLoadList].join('\n'))
})
