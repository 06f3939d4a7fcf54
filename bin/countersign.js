#!/usr/bin/env node
// Runs a command of the operator.

import { keepCompiledCode } from './compiled-code.js'

keepCompiledCode()
await import('../src/cli.ts')
