internal import LedgerCore
internal import LedgerLog
internal import LedgerPorts
internal import LedgerText

/// Writes a repair's intent and outcome into the ledger, each durable before it returns.
struct RepairRecorder {
  /// The most bytes of row images in one entry; a fact's text may not be longer than 1 MiB.
  private static let partByteCountMax = 1 << 19
  /// Entries of one commit, whose blocks are limited too.
  private static let partsPerCommit = 64

  let ledger: WritableLedger
  let store: String
  let actor: Name?
  let reason: Name?
  let clock: any Clock
  /// What writes it.
  var source: Name = "allocledger repair"
  /// When it happens, where that is not simply now.
  var occurred: Timestamp?

  /// Makes the intent to change `images` durable and returns the sequence of its first entry.
  func start(_ images: [RowImage], undoing target: Int64?) throws(ReconcileError) -> Int64 {
    try start(parts: RepairRecorder.parts(images), undoing: target)
  }

  /// Makes an intent in one or more texts durable and returns the sequence of its first entry.
  func start(parts: [Name], undoing target: Int64?) throws(ReconcileError) -> Int64 {
    var first: Int64?
    var uncommitted = 0
    for changes in parts {
      var fact = fact(.repairStarted)
      fact.rare.changes = changes
      fact.rare.reason = reason
      fact.rare.target = target
      fact.cause = first
      let sequence = try admit(fact)
      first = first ?? sequence
      uncommitted += 1
      if uncommitted == RepairRecorder.partsPerCommit {
        try commit()
        uncommitted = 0
      }
    }
    try commit()
    return first ?? ledger.head
  }

  /// Makes the outcome durable and returns its sequence.
  func finish(_ started: Int64, _ outcome: Name) throws(ReconcileError) -> Int64 {
    var fact = fact(.repairFinished)
    fact.rare.target = started
    fact.rare.outcome = outcome
    let sequence = try admit(fact)
    try commit()
    return sequence
  }

  private func fact(_ type: EventType) -> Fact {
    var fact = Fact(type: type, occurred: occurred ?? clock.now())
    fact.actor = actor
    fact.source = source
    fact.rare.store = Name(store)
    return fact
  }

  private func admit(_ fact: Fact) throws(ReconcileError) -> Int64 {
    do throws(AdmissionFailure) {
      return try ledger.admit(FactItem(fact: fact)).sequence
    } catch {
      switch error {
      case .log(let error): throw .log(error)
      case .rejected(let rejection): throw .rejected(rejection)
      }
    }
  }

  private func commit() throws(ReconcileError) {
    try reading { () throws(LogError) in try ledger.commit() }
  }

  /// The images as JSON arrays that each fit an entry; one at least.
  private static func parts(_ images: [RowImage]) -> [Name] {
    var parts: [Name] = []
    var writer = JSONWriter()
    writer.beginArray()
    for image in images {
      if writer.bytes.count >= partByteCountMax {
        writer.endArray()
        parts.append(Name(utf8: writer.bytes.span))
        writer.removeAll()
        writer.beginArray()
      }
      RowImageText.write(image, to: &writer)
    }
    writer.endArray()
    parts.append(Name(utf8: writer.bytes.span))
    return parts
  }
}
