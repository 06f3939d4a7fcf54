import type { NewActivity } from '../domain/activity.ts'
import type { PromptId } from '../domain/ids.ts'
import type { NewEnrollment } from '../enrollments/enrollment.store.ts'
import type { SingleUseCodeId } from '../passcodes/passcode.store.ts'

/** Who opens an enrollment for a first device, what with, and what is recorded of it. */
export type NewPromptEnrollment = {
  readonly promptId: PromptId
  readonly enrollment: NewEnrollment
  /** The codes, for the page of the prompt. */
  readonly codesSealed: Uint8Array
  /** The code of the help desk that is used up by it; null where a window permits it. */
  readonly temporaryCode: {
    readonly id: SingleUseCodeId
    readonly usedActivity: NewActivity
  } | null
}

/** Enrollments of first devices that pages of prompts open. */
export interface PromptEnrollmentStore {
  /**
   * Opens the enrollment of a prompt, uses up the code that permits it, and records both, in one
   * transaction that locks the user. `changed`, with nothing written: the prompt is over, shows its
   * last number or has an enrollment; the user has or had a device or recovery codes, or is
   * suspended; the window is closed, the code used up.
   */
  open(enrollment: NewPromptEnrollment): Promise<'done' | 'changed'>
}
