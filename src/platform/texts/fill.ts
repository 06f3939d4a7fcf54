// How a text is filled in: apart from the languages, because apps bring only those that they show.

const placeholder = /\{([a-z]+)\}/

/** The parts of a text: what stands between placeholders, and their values. */
export function fillParts<Value>(
  text: string,
  values: Readonly<Record<string, Value>>,
): (string | Value)[] {
  return text.split(placeholder).map((part, at) => {
    if (at % 2 === 0) return part
    if (!(part in values)) throw new Error(`nothing is given for {${part}} of a text`)
    return values[part] as Value
  })
}

/** A text with values in the place of its placeholders. */
export function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return fillParts(text, values).join('')
}
