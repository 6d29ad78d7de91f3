// The gallery. The page works without this script; with it, all photos are in one grid, and a photo opens in place.
import { Grid } from './grid.js'
import { Listing, Ranking } from './source.js'
import { Scrubber } from './scrubber.js'
import { Viewer } from './viewer.js'
import { Choice } from './choose.js'
import { complete, suggest } from './suggest.js'

const $ = (id) => document.getElementById(id)
const number = (n) => n.toLocaleString('en')
const photos = (n) => n === 1 ? '1 photo' : number(n) + ' photos'

// searchOf returns the part of the address that is a search.
function searchOf (params) {
  const search = new URLSearchParams(params)
  for (const name of ['photo', 'at', 'offset', 'sort', 'top']) search.delete(name)
  for (const [name, value] of [...search]) if (!value.trim()) search.delete(name, value)
  return search
}

const isRanked = (search) => ['q', 'like', 'add', 'subtract'].some((name) => search.has(name))

let source = new Listing(new URLSearchParams())
let search // what is shown, as text
let sent // the form with a picture that is searched for
const sentForms = []
let open = -1 // the number of the photo in the viewer
let openItem

const grid = new Grid($('scroller'), $('grid'), {
  href: (i) => {
    const params = new URLSearchParams(search)
    const item = source.item(i)
    if (item) params.set('photo', item.id)
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
  toggle: () => { if (open >= 0) choice.toggle(source, open, false) },
  isChosen: () => choice.has(openItem?.id)
})

// viewed tells where the user is.
function viewed (first, last) {
  if (!source.total) return
  const all = sent || isRanked(new URLSearchParams(search))
    ? source.complete && source.total < source.searched ? `the ${number(source.total)} best of ${photos(source.searched)}` : `the best of ${photos(source.searched)}`
    : photos(source.total)
  $('status').textContent = grid.most > 0 ? `${number(first + 1)}–${number(last + 1)} of ${all}` : all[0].toUpperCase() + all.slice(1)
  scrubber.follow(first)
}

function fail (e) {
  $('message').textContent = e.message + (e.hint ? ' – ' + e.hint : '')
  document.body.classList.add('failed')
}

// load shows what the address asks for. It is called for the first page, and when the user goes back or forward.
async function load () {
  const params = new URLSearchParams(location.search)
  const wanted = searchOf(params)
  const state = history.state || {}
  const form = state.sent === undefined ? undefined : sentForms[state.sent]
  if (state.sent !== undefined && !form) { // the picture was of an earlier visit
    history.replaceState(null, '')
    return location.reload()
  }
  const key = wanted + '#' + (state.sent ?? '')
  if (key !== load.key) {
    if (load.key !== undefined && !form) return location.reload() // the server describes what is shown
    load.key = key
    search = wanted.toString()
    sent = form
    const next = form || isRanked(wanted) ? new Ranking(search, form) : new Listing(search)
    try {
      const found = await next.open()
      if (load.key !== key) return
      use(next)
      if (form) describe(found)
      if (state.y) grid.moveTo(state.y)
    } catch (e) {
      return fail(e)
    }
  }
  const id = params.get('photo')
  if (!id) return viewer.hide()
  const at = Number(params.get('at') ?? -1)
  const item = at >= 0 && at < source.total ? await source.find(at) : undefined
  if (item?.id === id) show(at, false)
  else {
    for (let i = 0; i < Math.min(source.total, 100); i++) {
      if ((await source.find(i))?.id === id) return show(i, false)
    }
    open = -2 // somewhere
    openItem = { id }
    viewer.show(openItem, '')
  }
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

// describe says that the photos look like the picture that was sent.
function describe (found) {
  const name = sent.get('image').name
  $('heading').textContent = 'Photos that look like ' + name
  document.title = name + ' – imgsearch'
  $('message').textContent = found.results.length ? '' : 'No matching photos'
  document.querySelector('.empty, .problem')?.remove()
}

// reread reads the list again after the index has changed. The photo at the top stays there as far as possible.
async function reread () {
  if (reread.running || performance.now() - (reread.last ?? -1e9) < 5000) return
  reread.running = true
  try {
    const next = new Listing(search)
    await next.open()
    const y = grid.y
    use(next)
    grid.moveTo(y)
  } catch (e) {
    fail(e)
  } finally {
    reread.running = false
    reread.last = performance.now()
  }
}

// show opens a photo.
async function show (i, isNew) {
  const item = await source.find(i)
  if (!item) return
  const params = new URLSearchParams(search)
  params.set('photo', item.id)
  params.set('at', i)
  const address = '/?' + params
  if (isNew && open === -1) history.pushState({ ...history.state, viewer: true }, '', address)
  else if (isNew) history.replaceState(history.state, '', address)
  open = i
  openItem = item
  viewer.show(item, source.complete === false ? `no. ${number(i + 1)}` : `${number(i + 1)} of ${number(source.total)}`)
  for (const k of [i + 1, i - 1]) {
    const near = k >= 0 && k < source.total && await source.find(k)
    if (near && open === i) new Image().src = `/api/v1/pictures/${near.id}/image`
  }
  source.want(Math.max(0, i - 20), Math.min(source.total - 1, i + 20))
}

function step (by) {
  if (open === -2) return
  const to = Math.min(Math.max(open + by, 0), source.total - 1)
  if (to !== open) show(to, true)
}

// closed goes back to the list. If the viewer was opened from it, that is one step back in the history.
function closed () {
  const was = open
  open = -1
  openItem = undefined
  if (new URLSearchParams(location.search).has('photo')) {
    if (history.state?.viewer) history.back()
    else history.replaceState(history.state, '', search ? '/?' + search : '/')
  }
  if (was >= 0) grid.focus(was)
}

// searchBy finds photos that look like a picture.
function searchBy (file) {
  if (!file) return
  const form = new FormData()
  for (const [name, value] of new URLSearchParams(search)) if (!['q', 'like', 'add', 'subtract'].includes(name)) form.append(name, value)
  form.append('image', file, file.name || 'picture')
  sentForms.push(form)
  history.pushState({ sent: sentForms.length - 1 }, '', location.href.replace(/\?.*/, '') + (filtersOnly() ? '?' + filtersOnly() : ''))
  $('q').value = ''
  document.body.classList.remove('failed')
  $('heading').textContent = 'Searching…'
  load()
}

function filtersOnly () {
  const params = new URLSearchParams(search)
  for (const name of ['q', 'like', 'add', 'subtract']) params.delete(name)
  return params.toString()
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

function leaveOutEmptyFields () {
  $('search').addEventListener('formdata', (e) => {
    for (const [name, value] of [...e.formData]) if (!String(value).trim()) e.formData.delete(name)
  })
}

history.scrollRestoration = 'manual'
suggest($('q'), $('suggestions'), (rest, filter, value) => {
  const params = new URLSearchParams(search ?? searchOf(location.search))
  if (rest) params.set('q', rest)
  else params.delete('q')
  params.append(filter, value)
  location.assign('/?' + params)
})
complete($('filters'))
leaveOutEmptyFields()
acceptPictures()
document.addEventListener('keydown', (e) => {
  if (e.key === '/' && !e.target.matches('input, select, textarea') && !viewer.isOpen) {
    e.preventDefault()
    $('q').focus()
  }
})
window.addEventListener('popstate', load)
if (!('error' in document.body.dataset) && !('empty' in document.body.dataset) && !('sent' in document.body.dataset)) load()
window.gallery = { grid, viewer, get source () { return source } } // for tests and measurements
