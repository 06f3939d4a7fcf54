/** A page of a list, newest first; `before` is the last id of the page before. */
export type PageRequest = { readonly limit: number; readonly before: string | null }
