package regular

// Windows has neither FIFOs among files nor such flags.
const nonBlock, noFollow = 0, 0
