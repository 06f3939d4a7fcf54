// Starts the service.

import { keepCompiledCode } from './compiled-code.js'

keepCompiledCode()
await import('../src/main.ts')
