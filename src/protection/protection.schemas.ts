import { z } from 'zod'
import { reportFinding, reportStatus } from '../platform/http/schemas/enumerations.ts'
import { shownId } from '../platform/http/schemas/ids.ts'
import { pageBody } from '../platform/http/schemas/paging.ts'
import { showable } from '../platform/http/schemas/text.ts'
import { givenTime, timestamp } from '../platform/http/schemas/time.ts'

export const protectionBody = z
  .object({
    wrongNumbersInRow: z.uint32(),
    wrongNumbersSinceSuccess: z.uint32(),
    lockedUntil: timestamp('Wrong numbers in a row lock push sign-in until then.')
      .nullable()
      .meta({ example: null }),
    hardLockedAt: timestamp(
      'Since then push sign-in is locked until an admin or another factor unlocks it.',
    )
      .nullable()
      .meta({ example: null }),
    reportedUntil: timestamp(
      'After a report only initiators that the user approved before may ask, and no ' +
        'pushes are sent, until then.',
    )
      .nullable()
      .meta({ example: null }),
    pausedUntil: timestamp('The user wants no pushes until then.')
      .nullable()
      .meta({ example: null }),
    suspendedAt: timestamp('Since then everything of the user is stopped.')
      .nullable()
      .meta({ example: null }),
  })
  .meta({
    id: 'Protection',
    description: 'Locks and counters of a user. They concern push sign-in only.',
  })

export const pushPauseBody = z
  .object({
    until: timestamp('No pushes are sent until then; null when they are sent.').nullable(),
  })
  .meta({ id: 'PushPause', description: 'Whether the user wants pushes.' })

export const newPushPause = z
  .strictObject({
    until: givenTime('No pushes until then, at most 30 days ahead; null resumes them.').nullable(),
  })
  .meta({ id: 'NewPushPause', description: 'A pause of all pushes to the user.' })

export const reportBody = z
  .object({
    id: shownId('report', 'The report.'),
    userId: shownId('user', 'Who reported.'),
    deviceId: shownId(
      'device',
      'The device that reported; null when the user did in the portal.',
    ).nullable(),
    challengeId: shownId('challenge', 'What was reported, or what it is about.').nullable(),
    activityId: shownId('activity', 'What was reported.').nullable(),
    status: reportStatus,
    resolution: reportFinding.nullable().meta({ example: null }),
    note: z.string().nullable(),
    resolvedBy: z.string().nullable(),
    createdAt: timestamp('When it was reported.'),
    resolvedAt: timestamp('When it was resolved.').nullable().meta({ example: null }),
  })
  .meta({ id: 'Report', description: '"This wasn\'t me."' })

export const reportPage = pageBody(reportBody, 'ReportPage', 'Reports, newest first.')

export const reportResolution = z
  .strictObject({
    resolution: reportFinding,
    note: showable(500, {
      description: 'What was found out.',
      example: 'Password changed.',
    })
      .nullable()
      .default(null),
    unlock: z.boolean().default(false).meta({ description: 'Also lift the locks of the user.' }),
  })
  .meta({ id: 'ReportResolution', description: 'What an admin found out about a report.' })

export const createdReportBody = z
  .object({ reportId: shownId('report', 'The report.') })
  .meta({ id: 'CreatedReport', description: 'The report is in the queue of the admins.' })
