// Enrollments as answers show them, to relying parties and to devices.

import type { z } from 'zod'
import type { enrollmentBody, openedEnrollmentBody } from './enrollment.schemas.ts'
import type { OpenedEnrollment } from './open-enrollment.ts'
import type { EnrollmentReading } from './read-enrollment.ts'

/** An opened enrollment with its codes, the QR code drawn. */
export async function shownOpenedEnrollment({
  enrollment,
  code,
  uri,
}: OpenedEnrollment): Promise<z.output<typeof openedEnrollmentBody>> {
  const { toString: drawQrCode } = await import('qrcode')
  const qrSvg = await drawQrCode(uri, { type: 'svg', errorCorrectionLevel: 'M' })
  return { ...enrollment, code, uri, qrSvg }
}

/** An enrollment as its owner reads it. */
export function shownEnrollment({
  enrollment,
  status,
  number,
}: EnrollmentReading): z.output<typeof enrollmentBody> {
  const { reason, ...members } = enrollment
  return {
    ...members,
    status,
    ...(reason !== null && { reason }),
    ...(number !== null && { number }),
  }
}
