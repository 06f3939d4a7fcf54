// The flood in a process of its own, so that it delays no measured sign-in and its processor time
// can be told apart. Each plan starts a flood, `stop` ends it and gets the result; the process ends
// when the one that forked it disconnects.

import { type Flooding, type FloodPlan, type FloodResult, startFlooding } from './flooding.ts'

/** What it is sent. */
export type FloodOrder = FloodPlan | 'stop'

let flooding: Flooding | null = null

process.on('message', async (order: FloodOrder) => {
  if (order !== 'stop') {
    flooding = startFlooding(order)
    return
  }
  const result: FloodResult | undefined = await flooding?.stop()
  flooding = null
  process.send?.(result)
})
process.on('disconnect', () => process.exit())
