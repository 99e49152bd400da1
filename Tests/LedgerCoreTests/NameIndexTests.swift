import LedgerCore
import TestSupport
import Testing

@Suite("The index of names")
struct NameIndexTests {
  @Test("it finds what a dictionary finds", arguments: [1 as UInt64, 2, 3])
  func agreesWithDictionary(seed: UInt64) {
    var random = TestRandom(seed: seed)
    var names: [Name] = []
    var index = NameIndex()
    var twin: [Name: UInt32] = [:]
    var wrong = 0
    for step in 0..<6_000 {
      let name = Name("name-\(random.below(400))")
      wrong += index.find(name, in: names) == twin[name] ? 0 : 1
      if let slot = twin[name] {
        // More insertions first, then more removals.
        guard random.chance(step < 3_000 ? 4 : 2) else { continue }
        index.remove(slot, names[Int(slot)])
        twin[name] = nil
      } else if step < 4_000 || random.chance(4) {
        names.append(name)
        index.insert(UInt32(names.count - 1), names[names.count - 1])
        twin[name] = UInt32(names.count - 1)
      }
    }
    for number in 0..<400 {
      let name = Name("name-\(number)")
      wrong += index.find(name, in: names) == twin[name] ? 0 : 1
    }
    #expect(wrong == 0)
  }

  @Test("removing what is not there changes nothing")
  func ignoresAbsent() {
    var index = NameIndex()
    let names: [Name] = ["a", "b"]
    index.insert(0, names[0])
    index.remove(1, names[1])
    #expect(index.find("a", in: names) == 0 && index.find("b", in: names) == nil)
  }
}
