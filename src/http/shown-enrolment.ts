// Enrolments as they are told, to relying parties and to devices.

import { toString as drawQrCode } from 'qrcode'
import type { z } from 'zod'
import type { OpenedEnrolment } from '../usecases/open-enrolment.ts'
import type { EnrolmentReading } from '../usecases/read-enrolment.ts'
import type { enrolmentBody, openedEnrolmentBody } from './schemas/enrolment.ts'

/** An opened enrolment with its codes, the QR code drawn. */
export async function shownOpenedEnrolment({
  enrolment,
  code,
  uri,
}: OpenedEnrolment): Promise<z.output<typeof openedEnrolmentBody>> {
  const qrSvg = await drawQrCode(uri, { type: 'svg', errorCorrectionLevel: 'M' })
  return { ...enrolment, code, uri, qrSvg }
}

/** An enrolment as its owner reads it. */
export function shownEnrolment({
  enrolment,
  status,
  number,
}: EnrolmentReading): z.output<typeof enrolmentBody> {
  const { reason, ...members } = enrolment
  return {
    ...members,
    status,
    ...(reason !== null && { reason }),
    ...(number !== null && { number }),
  }
}
