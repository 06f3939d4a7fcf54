import { z } from 'zod'

export const personalDataBody = z
  .object({
    tables: z
      .record(z.string(), z.array(z.record(z.string(), z.unknown())).readonly())
      .meta({ description: 'Rows by table, as they are stored, without secrets and seals.' }),
  })
  .meta({ id: 'PersonalData', description: 'Everything that is stored about a user.' })
