const { ENDURANCE } = process.env
if (ENDURANCE !== undefined && ENDURANCE !== 'nightly') {
  throw new Error(`ENDURANCE is ${ENDURANCE}: set it to nightly, or not at all`)
}

/**
 * How often an endurance test repeats: as often as its case needs, unless `ENDURANCE=nightly` is
 * set.
 */
export const repetitions = (size: { readonly usual: number; readonly nightly: number }): number =>
  ENDURANCE === 'nightly' ? size.nightly : size.usual
