import { test as base } from 'vitest'
import { aUser, openStores } from './stores.ts'
import { aPhone, aPrincipal, openWorld } from './world.ts'

/** A test on stores that are opened once for its file. */
export const storesTest = base.extend(
  'stores',
  { scope: 'file' },
  // biome-ignore lint/correctness/noEmptyPattern: Vitest reads from the pattern what is needed
  async ({}, { onCleanup }) => {
    const stores = await openStores()
    onCleanup(() => stores.close())
    return stores
  },
)

/** A test with a user of a tenant of its own. */
export const userTest = storesTest.extend('user', ({ stores }) => aUser(stores))

/** A test on a world of the use cases that is opened once for its file. */
export const worldTest = base.extend(
  'world',
  { scope: 'file' },
  // biome-ignore lint/correctness/noEmptyPattern: Vitest reads from the pattern what is needed
  async ({}, { onCleanup }) => {
    const world = await openWorld()
    onCleanup(() => world.close())
    return world
  },
)

/** A test with a relying party of a tenant of its own, and a phone of its user. */
export const phoneTest = worldTest
  .extend('principal', ({ world }) => aPrincipal(world))
  // The user is asked by name: the phone is there even if a test does not mention it.
  .extend('phone', { auto: true }, async ({ world, principal }) => {
    const phone = await aPhone(world, principal)
    for (const log of [world.dispatchedPushes, world.publishedKeys, world.securityEvents]) {
      log.length = 0
    }
    return phone
  })
