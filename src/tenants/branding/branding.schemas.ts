import { z } from 'zod'
import {
  type Color,
  displayNameLengthMax,
  helpLineLengthMax,
  helpLinesMax,
  logoBytesMax,
  logoSideMax,
} from '../../domain/branding.ts'
import { showable, shownText } from '../../platform/http/schemas/text.ts'
import { timestamp } from '../../platform/http/schemas/time.ts'

const color = (description: string, example: Color) =>
  z
    .string()
    .regex(/^#[0-9a-f]{6}$/)
    .transform((text) => text as Color)
    .meta({ description, example })

const accent = z
  .strictObject({
    light: color('In the light scheme.', '#0a5cc2'),
    dark: color('In the dark scheme.', '#79b8ff'),
  })
  .meta({
    id: 'Accent',
    description:
      'Colors of links and buttons. Each needs a contrast of 4.5 to the paper, to cards, and to ' +
      'the text of buttons (WCAG 2.2, 1.4.3): light #ffffff, #f3f5f7 and #ffffff; dark #14181d, ' +
      '#1d232a and #0b1620.',
  })

const help = z
  .array(
    showable(helpLineLengthMax, {
      description: 'A line of plain text.',
      example: 'Call 1234 when you have lost your phone.',
    }),
  )
  .max(helpLinesMax)
  .readonly()

export const newBranding = z
  .strictObject({
    displayName: showable(displayNameLengthMax, {
      description: 'What people call the organization.',
      example: 'Example University',
    }),
    accent,
    help: help.default([]).meta({ description: 'Below each page.' }),
    logo: z
      .base64()
      .max(4 * Math.ceil(logoBytesMax / 3))
      .nullable()
      .default(null)
      .meta({
        description:
          `A PNG or JPEG in Base64: at most ${logoBytesMax} bytes, and ${logoSideMax} pixels ` +
          'wide and high. Null, or left out: none.',
        example: null,
      }),
  })
  .meta({ id: 'NewBranding', description: 'How the pages of the tenant are to look.' })

export const brandingBody = z
  .object({
    displayName: shownText('Example University'),
    accent: z.object({ light: shownText('#0a5cc2'), dark: shownText('#79b8ff') }),
    help: z.array(shownText('Call 1234 when you have lost your phone.')).readonly(),
    logo: z
      .object({
        path: shownText('/t/tnt_.../logo?v=9f86d0818...', 'Below the public origin.'),
        type: z.enum(['image/png', 'image/jpeg']),
        width: z.int(),
        height: z.int(),
      })
      .nullable(),
    updatedAt: timestamp('When it was set last.'),
  })
  .meta({ id: 'Branding', description: 'How the pages of the tenant look.' })
