// Where the photos of the grid come from. Both kinds have: total, the number of photos; ratios, their widths divided by their heights in thousandths; months, where
// months begin; item(i), what is known about a photo, if it is loaded; and want(first, last), which loads photos and then calls onload(first, last).

const page = 100
const keptPages = 80

// Problem is an error that the server has explained.
export class Problem extends Error {
  constructor (body, status) {
    super(body.detail || `The server answered with ${status}`)
    this.hint = body.hint || ''
  }
}

// ask returns the JSON of an address.
export async function ask (address, options) {
  return (await checked(address, options)).json()
}

async function checked (address, options) {
  const answer = await fetch(address, options)
  if (answer.ok) return answer
  if (answer.status === 401) location.assign('/login?to=' + encodeURIComponent(location.pathname + location.search))
  throw new Problem(await answer.json().catch(() => ({})), answer.status)
}

const months = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December']

// monthName returns a month in words.
export function monthName (m) {
  if (!m.year) return 'No date'
  return m.month ? months[m.month - 1] + ' ' + m.year : String(m.year)
}

// dayName returns the day of a time in words, at the precision that it has.
export function dayName (taken) {
  if (!taken) return ''
  const [year, month, day] = taken.slice(0, 10).split('-').map(Number)
  if (!month) return String(year)
  return (day ? day + ' ' : '') + months[month - 1] + ' ' + year
}

function newItem (hit) {
  const name = hit.path.replace(/^.*[/\\]/, '')
  const day = dayName(hit.taken_at)
  return { id: hit.id, name, label: day ? name + ', ' + day : name, missing: hit.missing, copies: hit.also.length, ratio: ratioOf(hit), text: hit.text || '' }
}

function ratioOf (hit) {
  return hit.width > 0 && hit.height > 0 ? Math.min(Math.max(Math.round(1000 * hit.width / hit.height), 1), 65535) : 1000
}

// Pages keeps the pages of items that were used last.
class Pages {
  constructor () {
    this.pages = new Map()
    this.loading = new Set()
  }

  item (i) {
    const p = this.pages.get(Math.floor(i / page))
    return p && p[i % page]
  }

  keep (number, items) {
    this.pages.delete(number)
    this.pages.set(number, items)
    if (this.pages.size > keptPages) this.pages.delete(this.pages.keys().next().value)
  }
}

// Listing is all photos that match the filters, newest first.
export class Listing extends Pages {
  constructor (filters) {
    super()
    this.filters = filters
    this.total = 0
    this.ratios = new Uint16Array(0)
    this.months = []
    this.onload = this.onchange = () => {}
  }

  async open () {
    const data = await (await checked('/api/v1/shapes?' + this.filters)).arrayBuffer()
    const view = new DataView(data)
    const count = view.getUint32(0, true)
    this.total = view.getUint32(4, true)
    for (let i = 0, at = 8; i < count; i++, at += 8) {
      this.months.push({ year: view.getUint16(at, true), month: view.getUint16(at + 2, true), first: view.getUint32(at + 4, true) })
    }
    this.ratios = new Uint16Array(data, 8 + 8 * count, this.total)
  }

  want (first, last) {
    for (let n = Math.floor(first / page); n <= Math.floor(last / page); n++) {
      if (this.pages.has(n)) this.keep(n, this.pages.get(n))
      else if (!this.loading.has(n)) this.load(n)
    }
  }

  async load (n) {
    this.loading.add(n)
    try {
      const found = await ask(`/api/v1/search?${this.filters}&sort=date&top=${page}&offset=${n * page}`)
      const items = found.results.map(newItem)
      this.keep(n, items)
      // The index has changed since the shapes were read: the photos are not where they were.
      if (found.indexed !== this.total || items.some((item, k) => item.ratio !== this.ratios[n * page + k])) this.onchange()
      this.onload(n * page, n * page + items.length - 1)
    } catch (e) {
      this.onerror?.(e)
    } finally {
      this.loading.delete(n)
    }
  }

  // find returns the photo with a number, loaded if necessary.
  async find (i) {
    const n = Math.floor(i / page)
    while (this.loading.has(n)) await new Promise((resolve) => setTimeout(resolve, 20))
    if (!this.item(i)) await this.load(n)
    return this.item(i)
  }
}

// mostRanked is the number of photos of a ranking that are shown: what follows has little to do with the query.
const mostRanked = 2000

// Ranking is the photos that fit a query best, in that order. send is a form with a picture, or undefined.
export class Ranking {
  constructor (query, send) {
    this.query = query
    this.send = send
    this.items = []
    this.total = 0
    this.searched = 0
    this.shapes = new Uint16Array(mostRanked)
    this.months = []
    this.onload = this.ongrow = () => {}
  }

  get ratios () { return this.shapes }

  async read () {
    const top = Math.min(page, mostRanked - this.items.length)
    let found
    if (this.send) {
      this.send.set('top', top)
      this.send.set('offset', this.items.length)
      found = await ask('/api/v1/search', { method: 'POST', body: this.send })
    } else {
      found = await ask(`/api/v1/search?${this.query}&top=${top}&offset=${this.items.length}`)
    }
    for (const hit of found.results) {
      this.shapes[this.items.length] = ratioOf(hit)
      this.items.push(newItem(hit))
    }
    this.total = this.items.length
    this.searched = found.indexed
    this.complete = found.results.length < top || this.total >= Math.min(mostRanked, found.indexed)
    return found
  }

  open () { return this.read() }

  item (i) { return this.items[i] }

  want (first, last) {
    if (last < this.total - page / 2 || this.complete || this.reading) return
    this.reading = true
    this.read().then(() => this.ongrow(), (e) => this.onerror?.(e)).finally(() => { this.reading = false })
  }

  async find (i) { return this.items[i] }
}
