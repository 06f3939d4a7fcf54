import { z } from 'zod'
import { areShowableLines } from '../../domain/text.ts'
import { shownId } from '../../platform/http/schemas/ids.ts'
import { pageBody } from '../../platform/http/schemas/paging.ts'
import { showable, shownText } from '../../platform/http/schemas/text.ts'
import { timestamp } from '../../platform/http/schemas/time.ts'

const logExample = '12:00:01 fetch failed: timeout'
const textBytesMax = 48 * 1024

export const givenDiagnostics = z
  .strictObject({
    appVersion: showable(64, { description: 'Version of the app.', example: '3.2.0' }),
    text: z
      .string()
      .refine((text) => Buffer.byteLength(text) <= textBytesMax && areShowableLines(text), {
        message:
          `must be lines of at most ${textBytesMax} bytes (UTF-8), free of control, format ` +
          'and bidirectional characters',
      })
      .meta({
        description:
          'Lines of the log, at most 48 KiB in UTF-8. Line feeds and tabs are the only ' +
          'control characters. Leave keys, tokens, numbers and codes out.',
        example: logExample,
      }),
  })
  .meta({ id: 'GivenDiagnostics', description: "What went wrong, from the app's own log." })

export const incidentBody = z
  .object({ incidentId: shownId('diagnostics', 'For the person to give to the help desk.') })
  .meta({ id: 'Incident', description: 'The diagnostics are stored.' })

const listMembers = {
  id: shownId('diagnostics', 'The incident.'),
  userId: shownId('user', 'The user of the device.'),
  deviceId: shownId('device', 'The device that sent them.'),
  appVersion: shownText('3.2.0'),
  createdAt: timestamp('When they came.'),
}

export const diagnosticsPage = pageBody(
  z.object(listMembers).meta({
    id: 'ListedDiagnostics',
    description: 'Diagnostics that a device sent, without the text.',
  }),
  'DiagnosticsPage',
  'Diagnostics, newest first.',
)

export const diagnosticsBody = z
  .object({ ...listMembers, text: shownText(logExample, 'As it was sent: escape it.') })
  .meta({ id: 'Diagnostics', description: 'Diagnostics that a device sent.' })
