// What callers can do with push.

export { changeApp, createApp, listApps, readApp, removeApp } from './apps.ts'
export { pushTest, readTestPush } from './push-test.ts'
