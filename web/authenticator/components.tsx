// Every component on one page, to look at in both schemes and at every width.

import { render } from 'preact'
import { useState } from 'preact/hooks'
import { createApp } from './app.ts'
import { NumberField } from './screens/number-field.tsx'
import { Field, Heading, Note, Sheet, Trouble } from './screens/parts.tsx'
import type { ScreenProps } from './screens/use.ts'

function Buttons({ onAsk }: { readonly onAsk: () => void }) {
  return (
    <>
      <h2>Buttons</h2>
      <div class="row">
        <button type="button">Primary</button>
        <button type="button" class="quiet" onClick={onAsk}>
          Open a sheet
        </button>
        <button type="button" class="danger">
          Danger
        </button>
        <button type="button" disabled>
          Disabled
        </button>
        <a class="button quiet" href="#components">
          Link that looks like a button
        </a>
      </div>
      <button type="button" class="wide">
        Wide
      </button>
    </>
  )
}

function Fields({ app }: ScreenProps) {
  const [number, setNumber] = useState('')
  return (
    <>
      <h2>Fields</h2>
      <Field label="Text" hint="A hint">
        {(attributes) => <input {...attributes} placeholder="…" />}
      </Field>
      <Field label="With a fault" fault="What is wrong with it">
        {(attributes) => <input {...attributes} value="wrong" />}
      </Field>
      <Field label="Choice">
        {(attributes) => (
          <select {...attributes}>
            <option>One</option>
            <option>Another</option>
          </select>
        )}
      </Field>
      <NumberField
        app={app}
        label="Number"
        digits={6}
        value={number}
        fault={null}
        onInput={setNumber}
      />
    </>
  )
}

function Blocks({ app }: ScreenProps) {
  return (
    <>
      <h2>Blocks</h2>
      <Note>Plain</Note>
      <Note kind="good">Good</Note>
      <Note kind="warn">Warning</Note>
      <Note kind="bad">Bad</Note>
      <Trouble app={app} error={new Error('any')} />
      <div class="card">
        <h3>Card</h3>
        <p class="soft">Soft text</p>
        <p class="code">492 039</p>
        <progress max={30} value={12} aria-label="12 of 30" />
      </div>
      <dl class="card">
        <dt>Term</dt>
        <dd>{'A long value '.repeat(12)}</dd>
      </dl>
      <table>
        <caption>Table</caption>
        <thead>
          <tr>
            <th scope="col">Column</th>
            <th scope="col">Other</th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <td>Cell</td>
            <td>Cell</td>
          </tr>
        </tbody>
      </table>
    </>
  )
}

function Components({ app }: ScreenProps) {
  const [isAsking, setAsking] = useState(false)
  return (
    <main>
      <Heading>Components</Heading>
      <Buttons onAsk={() => setAsking(true)} />
      <Fields app={app} />
      <Blocks app={app} />
      {isAsking && (
        <Sheet title="A sheet" onClose={() => setAsking(false)}>
          <p>It asks something that must be answered first.</p>
          <div class="row">
            <button type="button" onClick={() => setAsking(false)}>
              Answer
            </button>
          </div>
        </Sheet>
      )}
      <nav class="tabs" aria-label="Tabs">
        <button type="button" aria-current="page">
          Here
        </button>
        <button type="button">There</button>
      </nav>
    </main>
  )
}

const place = document.getElementById('app')
if (place) render(<Components app={await createApp()} />, place)
