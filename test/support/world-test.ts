import { test as base } from 'vitest'
import { openStores } from './stores.ts'
import { aPrincipal, openWorld } from './world.ts'

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

/** The same with a relying party that all tests of the file share. */
export const principalTest = worldTest.extend('principal', { scope: 'file' }, ({ world }) =>
  aPrincipal(world),
)
