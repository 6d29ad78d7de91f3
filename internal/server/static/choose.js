// The photos that the user has selected, to download them.

const most = 2000

export class Choice {
  constructor (form, changed) {
    this.form = form
    this.changed = changed
    this.ids = new Set()
    this.last = undefined
    form.querySelector('#unselect').addEventListener('click', () => {
      this.ids.clear()
      this.tell()
    })
    form.addEventListener('submit', () => { form.querySelector('#ids').value = [...this.ids].map((id) => id.slice(0, 16)).join(' ') })
  }

  has (id) { return this.ids.has(id) }
  get isEmpty () { return this.ids.size === 0 }

  // toggleOne selects a photo whose place is not known.
  toggleOne (item) {
    if (!item) return
    if (!this.ids.delete(item.id) && this.ids.size < most) this.ids.add(item.id)
    this.last = undefined
    this.tell()
  }

  // toggle selects a photo or not; with the shift key, all photos from the last one to it.
  async toggle (source, i, isRange) {
    const item = await source.find(i)
    if (!item) return
    if (isRange && this.last !== undefined && this.source === source) {
      const step = i < this.last ? -1 : 1
      for (let k = this.last; k !== i + step; k += step) {
        if (this.ids.size >= most) break
        const one = await source.find(k)
        if (one) this.ids.add(one.id)
      }
    } else if (!this.ids.delete(item.id) && this.ids.size < most) {
      this.ids.add(item.id)
    }
    this.last = i
    this.source = source
    this.tell()
  }

  tell () {
    const n = this.ids.size
    this.form.hidden = n === 0
    this.form.querySelector('#selected').textContent = `${n.toLocaleString('en')} selected` + (n >= most ? ', the most that can be downloaded at once' : '')
    document.body.classList.toggle('choosing', n > 0)
    this.changed()
  }
}
