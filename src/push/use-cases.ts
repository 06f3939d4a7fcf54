// What callers can do with push.

export { changeApp, createApp, listApps, readApp, removeApp } from './apps.ts'
export { readOwnPushes, readPushes } from './doctor/read-pushes.ts'
export {
  confirmTestPush,
  pushOwnTest,
  pushTest,
  pushTestFromPortal,
  readTestPush,
} from './push-test.ts'
export { readWebPushKey } from './read-web-push-key.ts'
