/// `; did you mean 'state'?`, or nothing when no candidate is near.
package func didYouMean(_ word: String, among candidates: [String]) -> String {
  guard let nearest = nearest(to: word, among: candidates) else { return "" }
  return "; did you mean '\(nearest)'?"
}

/// The candidate with the fewest typing mistakes between it and `word`; the first of equals.
func nearest(to word: String, among candidates: [String]) -> String? {
  let limit = max(1, word.unicodeScalars.count / 3)
  var best: (name: String, distance: Int)?
  for candidate in candidates {
    // A beginning that is typed right is no mistake, only short.
    let isBeginning = word.count >= 3 && candidate.hasPrefix(word)
    let distance = isBeginning ? 1 : editDistance(word, candidate)
    guard distance <= limit, distance < best?.distance ?? Int.max else { continue }
    best = (candidate, distance)
  }
  return best?.name
}

/// The least number of insertions, removals, replacements and swaps of neighbours.
func editDistance(_ left: String, _ right: String) -> Int {
  let left = Array(left.unicodeScalars.prefix(64))
  let right = Array(right.unicodeScalars.prefix(64))
  var beforeLast: [Int] = []
  var last = Array(0...right.count)
  for (row, scalar) in left.enumerated() {
    var current = [row + 1]
    for (column, other) in right.enumerated() {
      var least = min(last[column + 1], current[column]) + 1
      least = min(least, last[column] + (scalar == other ? 0 : 1))
      if row > 0, column > 0, scalar == right[column - 1], left[row - 1] == other {
        least = min(least, beforeLast[column - 1] + 1)
      }
      current.append(least)
    }
    beforeLast = last
    last = current
  }
  return last[right.count]
}
