internal import LedgerCore

extension Fact {
  /// What happened, in a few words for people.
  var story: String {
    var words: [String] = []
    func add(_ label: String, _ name: Name?) {
      if let name { words.append("\(label) \(name)") }
    }
    add("node", node)
    switch type {
    case .nodeMoved: words.append(host.map { "to host \($0)" } ?? "off its host")
    default: add("host", host)
    }
    add("pool", pool)
    add("container", rare.container)
    words += numbers
    for (field, value) in zip(NodeAttributes.fieldNames, attributes.values) { add(field, value) }
    if let after = workersAfter {
      words.append("workers \(workersBefore.map(String.init) ?? "?") -> \(after)")
    }
    if let lastIssued { words.append("last issued \(lastIssued)") }
    add("status", rare.status)
    add("template", rare.template)
    if let target = rare.target { words.append("entry \(target)") }
    add("entry of key", rare.targetKey)
    if rare.present == false { words.append("absent") }
    if let counters = rare.counters {
      words.append("counters " + counters.values.map(String.init).joined(separator: "/"))
    }
    // Commands are announced as repairs are.
    if type == .repairStarted, source != "allocledger repair" { add("of", source) }
    add("store", rare.store)
    add("outcome", rare.outcome)
    add("because", rare.reason)
    add("by", actor)
    if let contradiction { words.append("[contradicts history: \(contradiction.message)]") }
    return words.joined(separator: ", ")
  }

  private var numbers: [String] {
    var numbers: [String] = []
    if let cpuMillicores { numbers.append("\(cpuMillicores) millicores") }
    if let memoryBytes { numbers.append("memory \(memoryBytes)") }
    if let diskBytes { numbers.append("disk \(diskBytes)") }
    return numbers
  }
}
