import { expect } from 'vitest'
import { fetchChallenges } from '../../src/challenges/fetch-challenges.ts'
import { aProof } from '../support/world.ts'
import { phoneTest as test } from '../support/world-test.ts'

test('nothing is read for a phone that has disconnected while it waited', async ({
  world,
  phone,
}) => {
  const reading = fetchChallenges(world, await aProof(world, phone), () => true)
  await expect(reading).rejects.toThrow('the caller is gone')
})
