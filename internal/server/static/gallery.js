// The gallery. The page works without this script; with it, all photos are in one grid, and a photo opens in place.
import { Grid } from './grid.js'
import { ask, Listing, Ranking } from './source.js'
import { Scrubber } from './scrubber.js'
import { Viewer } from './viewer.js'
import { Choice } from './choose.js'
import { complete, suggest } from './suggest.js'

const $ = (id) => document.getElementById(id)
const number = (n) => n.toLocaleString('en')
const photos = (n) => n === 1 ? '1 photo' : number(n) + ' photos'

const isRanked = (search) => ['q', 'like', 'add', 'subtract'].some((name) => search.has(name))

let source = new Listing(new URLSearchParams())
let search = document.body.dataset.search // what is shown, as the server has understood the address
let sent // the form with a picture that is searched for
const sentForms = []
let open = -1 // the number of the photo in the viewer; somewhere, if it is not known
let openItem
const somewhere = -2
const heading = { text: $('heading').textContent }

const grid = new Grid($('scroller'), $('grid'), {
  href: (i) => {
    const params = new URLSearchParams(search)
    const item = source.item(i)
    if (item) {
      params.set('photo', item.id)
      params.set('at', i)
    }
    return '/?' + params
  },
  open: (i) => show(i, true),
  toggle: (i, e) => choice.toggle(source, i, e.shiftKey),
  isChosen: (i) => choice.has(source.item(i)?.id),
  isChoosing: () => !choice.isEmpty,
  viewed: (first, last) => viewed(first, last),
  rested: (y) => { if (open < 0) history.replaceState({ ...history.state, y }, '') }
})
const scrubber = new Scrubber($('scrubber'), grid)
const choice = new Choice($('selection'), () => {
  grid.remark()
  viewer.mark()
})
const viewer = new Viewer($('viewer'), {
  step: (by) => step(by),
  closed: () => closed(),
  toggle: () => choice.toggleOne(openItem),
  isChosen: () => choice.has(openItem?.id)
})

// viewed tells where the user is.
function viewed (first, last) {
  if (!source.total) return
  const all = source instanceof Ranking
    ? source.complete && source.total < source.searched ? `the ${number(source.total)} best of ${photos(source.searched)}` : `the best of ${photos(source.searched)}`
    : photos(source.total)
  $('status').textContent = grid.most > 0 ? `${number(first + 1)}–${number(last + 1)} of ${all}` : all[0].toUpperCase() + all.slice(1)
  scrubber.follow(first)
}

function fail (e) {
  const text = e instanceof TypeError ? 'The server does not answer. Reload the page when it is there again.' : e.message + (e.hint ? ' – ' + e.hint : '')
  $('message').textContent = text
  document.body.classList.add('failed')
}

// load shows what the address asks for. It is called for the first page, and when the user goes back or forward.
async function load () {
  const params = new URLSearchParams(location.search)
  const state = history.state || {}
  const form = state.sent === undefined ? undefined : sentForms[state.sent]
  const key = state.sent === undefined ? 'page' : form ? 'sent ' + state.sent : 'lost'
  if (load.key === undefined || key !== load.key) {
    if (load.key !== undefined && !form) return location.reload() // the server describes what is shown
    if (key === 'lost') $('message').textContent = 'The picture of this search is no longer available: choose it again.'
    load.key = key
    const next = form || isRanked(new URLSearchParams(search)) ? new Ranking(search, form) : new Listing(search)
    try {
      const found = await next.open()
      if (load.key !== key) return
      sent = form
      use(next)
      if (form) describe(found)
      if (state.y) grid.moveTo(state.y)
    } catch (e) {
      if (load.key === key) load.key = undefined
      return fail(e)
    }
  }
  const id = params.get('photo')
  if (!id) return viewer.hide()
  const at = await placeOf(id, Number(params.get('at') ?? 0))
  if (new URLSearchParams(location.search).get('photo') !== id) return // the user has gone on
  if (at >= 0) return show(at, false)
  open = somewhere
  openItem = { id }
  viewer.show(openItem, '', true)
  ask('/api/v1/pictures/' + id).then((known) => {
    if (openItem?.id !== id || !known.files.length) return
    openItem = { id, label: known.files[0].path.replace(/^.*[/\\]/, '') }
    viewer.tell(openItem, '')
  }, () => {})
}

// nearby is how far from its former place a photo is looked for.
const nearby = 300

// placeOf returns the number of a photo near the place that it had; -1 if it is not there.
async function placeOf (id, at) {
  const first = Math.max(0, at - nearby); const last = Math.min(source.total - 1, at + nearby)
  for (let by = 0; by <= nearby; by++) {
    for (const i of by ? [at + by, at - by] : [at]) {
      if (i >= first && i <= last && (await source.find(i))?.id === id) return i
    }
  }
  return -1
}

// use shows the photos of a source.
function use (next) {
  source = next
  source.onload = (first, last) => grid.fill(first, last)
  source.ongrow = () => grid.lay(true)
  source.onchange = () => reread()
  source.onerror = fail
  document.body.classList.add('script')
  $('photo')?.remove()
  $('pages')?.remove()
  grid.show(source)
  scrubber.show(source.months)
}

// describe says that the photos look like the picture that was sent, and by what they are filtered.
function describe (found) {
  const name = sent.get('image').name
  $('heading').textContent = 'Photos that look like ' + name
  document.title = name + ' – imgsearch'
  $('message').textContent = found.results.length ? '' : 'No matching photos'
  $('q').value = ''
  document.body.classList.remove('failed')
  document.querySelector('.empty, .problem')?.remove()
  for (const field of $('filters').querySelectorAll('[type=hidden]')) if (ofQuery.includes(field.name)) field.remove()
  const filters = [...sent].filter(([name]) => !['image', 'top', 'offset'].includes(name))
  $('chips').replaceChildren(...filters.map(([name, value]) => {
    const chip = document.createElement('button')
    chip.className = 'chip'
    chip.ariaLabel = `Remove ${name}: ${value}`
    chip.textContent = `${name}: ${value} ×`
    chip.addEventListener('click', () => searchBy(sent.get('image'), filters.filter((f) => f[0] !== name || f[1] !== value)))
    return chip
  }))
}

// reread reads the list again after the index has changed. The photo at the top stays there if it is still near its place.
async function reread () {
  clearTimeout(reread.later)
  if (reread.running || open !== -1 || performance.now() - (reread.last ?? -1e9) < 5000) {
    reread.later = setTimeout(reread, 2000) // not under an open photo
    return
  }
  reread.running = true
  try {
    const old = source
    const next = new Listing(search)
    await next.open()
    if (source !== old || open !== -1) return
    const top = grid.firstShown(); const focused = grid.focused
    const [topID, focusedID] = [old.item(top)?.id, old.item(focused)?.id]
    const y = grid.y; const hadFocus = grid.hasFocus()
    use(next)
    grid.moveTo(y)
    const at = topID && y > 0 ? await placeOf(topID, top) : -1
    if (at >= 0 && source === next) grid.moveTo(grid.plan.top[grid.rowOf(at)])
    const place = focusedID ? await placeOf(focusedID, focused) : -1
    if (place >= 0 && source === next) {
      grid.rove(place)
      if (hadFocus) grid.focus(place)
    }
  } catch (e) {
    fail(e)
  } finally {
    reread.running = false
    reread.last = performance.now()
  }
}

let wanted = 0 // counts what was asked for, since photos may come late

// show opens a photo.
async function show (i, isNew) {
  const turn = ++wanted
  if (isNew && open === -1) history.pushState({ ...history.state, viewer: true }, '', location.href) // the address follows
  if (open === -1) opened = source
  open = i
  const item = await source.find(i)
  if (turn !== wanted) return
  if (!item) return viewer.hide()
  openItem = item
  viewer.show(item, source.complete === false ? `no. ${number(i + 1)}` : `${number(i + 1)} of ${number(source.total)}`)
  if (isNew) address(item.id, i)
  for (const k of [i + 1, i - 1]) {
    const near = k >= 0 && k < source.total && await source.find(k)
    if (near && turn === wanted) new Image().src = `/api/v1/pictures/${near.id}/image`
  }
  source.want(Math.max(0, i - 20), Math.min(source.total - 1, i + 20))
}
let opened // the source from which the viewer was opened

// address writes the photo into the address. Browsers refuse more than a hundred changes in half a minute, so a held key changes it when it is let go.
function address (id, i) {
  clearTimeout(address.timer)
  const write = () => {
    if (open !== i) return
    const params = new URLSearchParams(search)
    params.set('photo', id)
    params.set('at', i)
    try {
      history.replaceState(history.state, '', '/?' + params)
    } catch {} // it is only the address
  }
  if (performance.now() - (address.last ?? -1e9) > 400) write()
  else address.timer = setTimeout(write, 400)
  address.last = performance.now()
}

function step (by) {
  if (open === somewhere) return
  const to = Math.min(Math.max(open + by, 0), source.total - 1)
  if (to !== open) show(to, true)
}

// closed goes back to the list. If the viewer was opened from it, that is one step back in the history.
function closed () {
  const was = open
  wanted++
  clearTimeout(address.timer)
  open = -1
  openItem = undefined
  if (new URLSearchParams(location.search).has('photo') || history.state?.viewer) {
    if (history.state?.viewer) history.back()
    else history.replaceState(history.state, '', search ? '/?' + search : '/')
  }
  if (was >= 0 && opened === source) grid.focus(was)
}

// ofQuery are the parameters of a query, which a picture replaces.
const ofQuery = ['q', 'like', 'add', 'subtract', 'prompt']

// searchBy finds photos that look like a picture, with filters.
async function searchBy (file, filters = [...new URLSearchParams(search)]) {
  if (!file) return
  const form = new FormData()
  for (const [name, value] of filters) if (!ofQuery.includes(name)) form.append(name, value)
  form.append('image', file, file.name || 'picture')
  $('heading').textContent = 'Searching…'
  const next = new Ranking('', form)
  try {
    const found = await next.open()
    if (viewer.isOpen) { // which takes a step back in the history, and a moment
      open = -1
      viewer.hide()
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    sentForms.push(form)
    const number = sentForms.length - 1
    const params = new URLSearchParams([...form].filter(([name]) => !['image', 'top', 'offset'].includes(name)))
    history.pushState({ sent: number }, '', params.size ? '/?' + params : '/')
    load.key = 'sent ' + number
    sent = form
    use(next)
    describe(found)
  } catch (e) {
    $('heading').textContent = sent ? 'Photos that look like ' + sent.get('image').name : heading.text
    fail(e)
  }
}

function acceptPictures () {
  const file = $('file')
  $('pick').hidden = false
  $('pick').addEventListener('click', () => file.click())
  file.addEventListener('change', () => {
    searchBy(file.files[0])
    file.value = ''
  })
  const pictureIn = (data) => [...data?.files || []].find((f) => f.type.startsWith('image/') || /\.(heic|heif|avif|jxl|dng|cr2|cr3|nef|arw|raf|orf|rw2|pef)$/i.test(f.name))
  document.addEventListener('paste', (e) => {
    const picture = pictureIn(e.clipboardData)
    if (!picture) return
    e.preventDefault()
    searchBy(picture)
  })
  let depth = 0
  const carriesFiles = (e) => e.dataTransfer?.types.includes('Files')
  document.addEventListener('dragenter', (e) => {
    if (carriesFiles(e) && ++depth) $('drop').hidden = false
  })
  document.addEventListener('dragleave', (e) => {
    if (carriesFiles(e) && --depth <= 0) {
      depth = 0
      $('drop').hidden = true
    }
  })
  document.addEventListener('dragover', (e) => { if (carriesFiles(e)) e.preventDefault() })
  document.addEventListener('drop', (e) => {
    if (!carriesFiles(e)) return
    e.preventDefault()
    depth = 0
    $('drop').hidden = true
    const picture = pictureIn(e.dataTransfer)
    if (picture) searchBy(picture)
    else fail(new Error('This is not a picture.'))
  })
}

function submit () {
  $('search').addEventListener('formdata', (e) => {
    for (const [name, value] of [...e.formData]) if (!String(value).trim()) e.formData.delete(name)
  })
  // The filters of a picture's search apply to the same picture; a new text replaces it.
  $('search').addEventListener('submit', (e) => {
    if (!sent || $('q').value.trim()) return
    e.preventDefault()
    searchBy(sent.get('image'), [...new FormData($('search'))].filter(([, value]) => String(value).trim()))
  })
}

history.scrollRestoration = 'manual'
suggest($('q'), $('suggestions'), (rest, filter, value) => {
  const params = new URLSearchParams(search)
  if (rest) params.set('q', rest)
  else params.delete('q')
  if (['taken', 'camera'].includes(filter)) params.set(filter, value)
  else params.append(filter, value)
  if (sent && !rest) searchBy(sent.get('image'), [...params])
  else location.assign('/?' + params)
})
complete($('filters'))
submit()
acceptPictures()
document.addEventListener('keydown', (e) => {
  if (viewer.isOpen || e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented) return
  if (e.key === '/' && !e.target.matches('input, select, textarea')) {
    e.preventDefault()
    $('q').focus()
  } else if (e.target === document.body) {
    grid.keyOfPage(e)
  }
})
window.addEventListener('popstate', load)
if (!('error' in document.body.dataset) && !('empty' in document.body.dataset) && !('sent' in document.body.dataset)) load()
window.gallery = { grid, viewer, get source () { return source } } // for tests and measurements
