/**
 * Node's HTTP, without what an `import` of `node:http` loads besides: its names in a module include
 * `WebSocket`, and reading that loads the whole of undici (55 ms of CPU and 14 MB at a start).
 */
export const { Agent, request, STATUS_CODES } = process.getBuiltinModule('node:http')
