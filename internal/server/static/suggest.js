// Suggestions for the search box: people, places, keywords, labels, cameras and years that photos have.
import { ask } from './source.js'

const facets = { person: 'person', place: 'place', keyword: 'keyword', label: 'label', camera: 'camera', year: 'taken' }
const shown = 8
const mostValues = 3000

const plain = (text) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()

// literal escapes what filters take for patterns.
const literal = (name, value) => ['person', 'keyword', 'label'].includes(name) ? value.replace(/[*?[\]{}\\]/g, '\\$&') : value

export function suggest (input, list, choose) {
  let values
  let chosen = -1
  const load = async () => {
    if (values) return
    values = []
    await Promise.all(Object.entries(facets).map(async ([by, filter]) => {
      const found = await ask(`/api/v1/facets?by=${by}&top=${mostValues}`).catch(() => ({ values: [] }))
      for (const v of found.values) if (v.value) values.push({ kind: by, filter, value: v.value, count: v.pictures, plain: plain(v.value) })
    }))
    values.sort((a, b) => b.count - a.count)
    update()
  }
  const close = () => {
    list.hidden = true
    chosen = -1
    input.ariaExpanded = 'false'
    input.removeAttribute('aria-activedescendant')
  }
  // The last word, or the last two, may be the beginning of a value.
  const candidates = () => {
    const words = input.value.trimStart().split(/\s+/)
    return [2, 1].filter((n) => words.length >= n).map((n) => ({ rest: words.slice(0, -n).join(' '), text: plain(words.slice(-n).join(' ')) })).filter((c) => c.text.trim().length > 1)
  }
  const update = () => {
    const found = []
    for (const c of candidates()) {
      for (const v of values || []) {
        if (found.length === shown) break
        if (!found.some((f) => f.v === v) && (v.plain.startsWith(c.text) || v.plain.includes(' ' + c.text))) found.push({ v, rest: c.rest })
      }
    }
    list.replaceChildren(...found.map((f, k) => {
      const e = document.createElement('li')
      e.role = 'option'
      e.id = 'suggestion' + k
      e.ariaSelected = 'false'
      const kind = document.createElement('small')
      kind.textContent = `${f.v.kind}, ${f.v.count}`
      e.append(f.v.value, ' ', kind)
      e.addEventListener('pointerdown', (event) => {
        event.preventDefault()
        choose(f.rest, f.v.filter, literal(f.v.filter, f.v.value))
      })
      e.choose = () => choose(f.rest, f.v.filter, literal(f.v.filter, f.v.value))
      return e
    }))
    if (!found.length || document.activeElement !== input) return close()
    chosen = -1
    list.hidden = false
    input.ariaExpanded = 'true'
    input.removeAttribute('aria-activedescendant')
  }
  input.role = 'combobox'
  input.ariaExpanded = 'false'
  input.ariaAutoComplete = 'list'
  input.setAttribute('aria-controls', list.id)
  input.addEventListener('focus', load)
  input.addEventListener('input', () => {
    load()
    update()
  })
  input.addEventListener('blur', close)
  input.addEventListener('keydown', (e) => {
    if (e.key === 'Escape' && !list.hidden) {
      e.preventDefault()
      return close()
    }
    if (e.key === 'Enter' && chosen >= 0) {
      e.preventDefault()
      return list.children[chosen].choose()
    }
    const by = { ArrowDown: 1, ArrowUp: -1 }[e.key]
    if (!by || list.hidden) return
    e.preventDefault()
    if (chosen >= 0) list.children[chosen].ariaSelected = 'false'
    chosen = (chosen + by + list.children.length + (chosen < 0 && by < 0 ? 1 : 0)) % list.children.length
    list.children[chosen].ariaSelected = 'true'
    list.children[chosen].scrollIntoView({ block: 'nearest' })
    input.setAttribute('aria-activedescendant', list.children[chosen].id)
  })
}

// complete gives the fields of the filters the values that photos have.
export function complete (details) {
  details.addEventListener('toggle', () => {
    for (const field of details.querySelectorAll('[data-facet]')) {
      const by = field.dataset.facet
      delete field.dataset.facet
      ask(`/api/v1/facets?by=${by}&top=500`).then((found) => {
        const list = document.createElement('datalist')
        list.id = 'values-' + by
        for (const v of found.values) {
          if (!v.value) continue
          const option = document.createElement('option')
          option.value = literal(by, v.value)
          list.append(option)
        }
        field.after(list)
        field.setAttribute('list', list.id)
      }, () => {})
    }
  }, { once: true })
}
