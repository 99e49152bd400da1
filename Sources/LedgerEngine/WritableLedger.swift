package import LedgerCore
internal import LedgerFormat
package import LedgerLog
package import LedgerPorts
package import LedgerText

/// Why a fact was not admitted.
package enum AdmissionFailure: Error, Hashable, Sendable {
  case rejected(Rejection)
  case log(LogError)
}

/// What became of a fact.
package struct Admission: Hashable, Sendable {
  package var sequence: Int64
  /// The same fact under the same key had been recorded before.
  package var isDuplicate = false
}

/// A ledger open for writing: admits facts, and makes them durable commit by commit.
package final class WritableLedger {
  /// A block is written, too, once its texts have this many bytes.
  private static let blockTextByteCount = 1 << 24
  /// The most bytes of texts in one fact: behind a block that is nearly full, with each text in a column and in the
  /// details, they stay below what a block can hold.
  package static let factTextByteCountMax = 1 << 26

  package private(set) var writer: LogWriter
  package internal(set) var intake: Intake
  private var keys: KeyIndex
  private let keyEntryCount: Int64
  private var voids: Voids
  /// The recorded time of the open commit.
  private var recorded: Timestamp?
  private var restoring: Timestamp?
  /// The rows that are not written yet.
  private var fill = Fill()
  /// Entries were voided, so the intake's state is not what it should be.
  private var isStale = false
  private var saved: Saved?
  /// What each node was before its latest upgrade; kept from the first rollback on, because most fleets have none.
  private var upgrades: [UInt32: Upgrade]?
  private var keepsDetails = false
  /// What was admitted was taken back from the log, and the state still has it.
  private var isOver = false

  /// Opens the ledger in `directory`.
  ///
  /// `keyEntryCount`: the most entries whose keys are in memory alone.
  package init(
    directory: String, disk: any Disk, clock: some Clock, process: Int,
    keyEntryCount: Int64 = KeyIndex.entryCountMax,
    progress: @escaping (_ done: Int64, _ total: Int64) -> Void = { _, _ in }
  ) throws(LogError) {
    var watcher = OpeningWatcher(progress: progress)
    let opened = try LogWriter.open(
      directory: directory, disk: disk, clock: clock, process: process, watcher: &watcher)
    writer = opened.writer
    self.keyEntryCount = keyEntryCount
    keys = try KeyIndex(opened.reader, entryCount: keyEntryCount) {
      progress($0, opened.reader.head)
    }
    voids = try opened.reader.voids()
    intake = WritableLedger.intake(opened.projection, nextSequence: opened.reader.head + 1)
  }

  /// Lets others write; nothing may be admitted until `resume`.
  package func release() { writer.close() }

  /// Takes up what `release` let go, and says whether others have written meanwhile: only then the log is read again.
  ///
  /// - Throws: `LogError.locked` while another process writes.
  package func resume() throws(LogError) -> Bool {
    if let again = try LogWriter.reopen(writer) {
      writer = again
      return false
    }
    var watcher = OpeningWatcher { _, _ in }
    let opened = try LogWriter.open(after: writer, watcher: &watcher)
    writer = opened.writer
    keys = try KeyIndex(opened.reader, entryCount: keyEntryCount) { _ in }
    voids = try opened.reader.voids()
    intake = WritableLedger.intake(opened.projection, nextSequence: opened.reader.head + 1)
    upgrades = nil
    keepsDetails = false
    isStale = false
    saved = nil
    return true
  }

  private static func intake(_ projection: Projection, nextSequence: Int64) -> Intake {
    Intake(
      state: projection.state, registry: projection.registry, touches: projection.touches,
      nextSequence: nextSequence, latestOccurred: projection.latestOccurred)
  }

  /// The sequence of the last admitted entry; 0 for an empty ledger.
  package var head: Int64 { intake.nextSequence - 1 }

  /// Whether admitted entries wait for `commit`.
  package var isCommitOpen: Bool { recorded != nil }

  /// A node's latest upgrade, and what it was before.
  private struct Upgrade {
    var node: Name
    var sequence: Int64
    var resources: Resources
    var attributes: NodeAttributes
  }

  /// How much of a block is filled.
  private struct Fill {
    var rowCount = 0
    /// The bytes of texts in the rows.
    var textByteCount = 0
  }

  private struct Saved: ~Copyable {
    var intake: Intake
    var upgrades: [UInt32: Upgrade]?
    /// Not of a group, whose keys are apart.
    var keys: KeyIndex?
    var voids: Voids
    var recorded: Timestamp?
    var fill: Fill
    var isStale: Bool
  }

  private func snapshot(keepsKeys: Bool) -> Saved {
    Saved(
      intake: intake.copy(), upgrades: upgrades, keys: keepsKeys ? keys : nil, voids: voids,
      recorded: recorded, fill: fill, isStale: isStale)
  }

  private func restore(_ saved: consuming Saved) {
    if let before = saved.keys {
      keys.discard(since: before)
      keys = before
    }
    voids = saved.voids
    recorded = saved.recorded
    fill = saved.fill
    isStale = saved.isStale
    upgrades = saved.upgrades
    intake = saved.intake
  }

  // MARK: - Admission

  /// Admits a fact into the open commit; `item` becomes what the log keeps of it.
  ///
  /// `recordsContradictions`: whether a fact that history does not allow becomes an entry with a code.
  package func admit(
    _ item: inout FactItem, recordsContradictions: Bool = false
  ) throws(AdmissionFailure) -> Admission {
    if hasKey(&item.fact), let duplicate = try duplicate(item.fact) { return duplicate }
    do throws(AdmissionFailure) {
      return Admission(sequence: try admitNew(&item.fact, item.expect))
    } catch {
      guard recordsContradictions, case .rejected(.contradiction(let reason)) = error else {
        throw error
      }
      item.fact.rare.contradiction = reason
      return Admission(sequence: try admitNew(&item.fact, nil))
    }
  }

  /// Admits a fact into the open commit.
  package func admit(_ item: FactItem) throws(AdmissionFailure) -> Admission {
    var item = item
    return try admit(&item)
  }

  /// Admits all of `items` or none of them.
  ///
  /// - Complexity: linear in the items; a group that voids or rolls back, or that is as large as a block, copies the fleet's
  ///   tables.
  package func admitTogether(_ items: [FactItem]) throws(AdmissionFailure) -> [Admission] {
    let isNoted = try prepare(toTakeBack: items)
    let mark = writer.mark
    let commit = (recorded: recorded, fill: fill)
    var before = isNoted ? nil : snapshot(keepsKeys: false)
    if isNoted { intake.beginGroup() }
    do throws(AdmissionFailure) {
      let admissions = try admitGroup(items)
      intake.endGroup()
      return admissions
    } catch {
      if let before = before.take() {
        restore(before)
      } else {
        intake.takeBackGroup()
        (recorded, fill) = commit
      }
      // Judging a void or a rollback can have written blocks of the group. The first error is the one to tell.
      do throws(LogError) { try writer.rewind(to: mark) } catch let second {
        if case .rejected = error { throw .log(second) }
      }
      throw error
    }
  }

  /// Makes room for `items` in the block that is being filled; false where what they change cannot be noted.
  private func prepare(toTakeBack items: [FactItem]) throws(AdmissionFailure) -> Bool {
    var size = 0
    for item in items {
      var fact = item.fact
      size += Fact.textByteCount(of: &fact)
    }
    guard upgrades == nil, items.count <= LogWriter.blockEntryCount,
      size < WritableLedger.blockTextByteCount,
      items.allSatisfy({ Intake.canTakeBack($0.fact.type) })
    else { return false }
    if isStale { try refresh() }
    if fill.rowCount + items.count > LogWriter.blockEntryCount
      || fill.textByteCount + size >= WritableLedger.blockTextByteCount
    {
      do throws(LogError) { try spill() } catch { throw .log(error) }
    }
    return true
  }

  private func admitGroup(_ items: [FactItem]) throws(AdmissionFailure) -> [Admission] {
    pendingChain = []
    defer { pendingChain = nil }
    keys.beginGroup()
    var isKept = false
    defer { keys.endGroup(isKept: isKept) }
    var admissions: [Admission] = []
    for item in items {
      if let duplicate = try duplicate(item.fact) {
        admissions.append(duplicate)
      } else {
        var fact = item.fact
        admissions.append(Admission(sequence: try admitNew(&fact, item.expect)))
      }
    }
    for var link in pendingChain ?? [] {
      writer.chain(&link.fact, sequence: link.sequence, recorded: link.recorded)
    }
    isKept = true
    return admissions
  }

  /// Entries that join the chain once their group is complete.
  private var pendingChain: [Entry]?

  private func duplicate(_ fact: Fact) throws(AdmissionFailure) -> Admission? {
    guard let key = fact.key else { return nil }
    let found: KeyRecord?
    do throws(LogError) {
      found = try keys.record(of: key) { () throws(LogError) in try writer.readerOfOpenCommit() }
    } catch { throw .log(error) }
    guard let known = found else { return nil }
    guard known.fingerprint == FactCodec.fingerprint(fact) else {
      throw .rejected(.keyReused(first: known.sequence))
    }
    return Admission(sequence: known.sequence, isDuplicate: true)
  }

  private func admitNew(
    _ fact: inout Fact, _ expect: Expectation?
  ) throws(AdmissionFailure) -> Int64 {
    let size = Fact.textByteCount(of: &fact)
    guard size <= WritableLedger.factTextByteCountMax else {
      throw .rejected(.tooLarge(byteCount: size, limit: WritableLedger.factTextByteCountMax))
    }
    guard !isOver else { throw .log(.poisoned) }
    try spillIfFull()
    if isStale { try refresh() }
    if let expect { try check(expect, fact) }
    let fingerprint = hasKey(&fact) ? FactCodec.fingerprint(fact) : 0
    let sequence = try judge(&fact, fingerprint)
    fill.rowCount += 1
    fill.textByteCount += size
    fact.normalize()
    let moment = recorded ?? restoring ?? writer.begin()
    recorded = moment
    if pendingChain == nil {
      writer.chain(&fact, sequence: sequence, recorded: moment)
    } else {
      pendingChain?.append(Entry(sequence: sequence, recorded: moment, fact: fact))
    }
    if hasKey(&fact), let key = fact.key {
      keys.insert(key, KeyRecord(sequence: sequence, fingerprint: fingerprint))
    }
    return sequence
  }

  /// Whether the fact, which stays as it is, was told under a key.
  @inline(__always)
  private func hasKey(_ fact: inout Fact) -> Bool {
    if case .some = fact.key { true } else { false }
  }

  /// Asks whether history allows `fact`, and makes it an entry of the batch; returns its sequence.
  private func judge(
    _ fact: inout Fact, _ fingerprint: UInt64
  ) throws(AdmissionFailure) -> Int64 {
    var upgrade: (slot: UInt32, record: Upgrade)?
    let isAboutEntry: Bool
    switch fact.type {
    case .entryVoided, .nodeUpgradeRolledBack: isAboutEntry = true
    default: isAboutEntry = false
    }
    if isAboutEntry || upgrades != nil, fact.contradiction == nil {
      let sequence = intake.nextSequence
      if fact.type == .entryVoided {
        try admitVoid(fact, fingerprint)
        return sequence
      }
      if fact.type == .nodeUpgradeRolledBack { fact = try resolved(fact) }
      upgrade = upgrades == nil ? nil : self.upgrade(by: fact, sequence)
    }
    do throws(Contradiction) {
      let sequence = try intake.admit(&fact, fingerprint: fingerprint)
      if let upgrade { upgrades?[upgrade.slot] = upgrade.record }
      return sequence
    } catch { throw .rejected(.contradiction(error)) }
  }

  private func check(_ expect: Expectation, _ fact: borrowing Fact) throws(AdmissionFailure) {
    func demand(_ subject: String, _ expected: Int64?, _ actual: Int64) throws(AdmissionFailure) {
      guard let expected, expected != actual else { return }
      throw .rejected(
        .unexpectedSequence(of: subject, expected: expected, actual: actual))
    }
    try demand("ledger", expect.ledger, head)
    let node = fact.node.flatMap { intake.node($0) }
    try demand("node", expect.node, node.map { intake.touches.nodes[Int($0)] } ?? 0)
    let placed = node.map { intake.state.nodes[Int($0)].host }.flatMap {
      $0 == Slot.none ? nil : $0
    }
    let host = fact.host.flatMap { intake.host($0) } ?? placed
    try demand("host", expect.host, host.map { intake.touches.hosts[Int($0)] } ?? 0)
  }

  /// The reason why the last admitted fact has no effect, where it was recorded with one.
  package var lastContradiction: Contradiction? {
    guard let kind = intake.lastKind, kind & RowKind.contradicted != 0 else { return nil }
    return intake.batch.details.last?.fact.rare.contradiction
  }

  /// Whether the host that `fact`, which stays as it is, added to holds more than it offers now.
  package func leavesHostOverCapacity(_ fact: inout Fact) -> Bool {
    intake.leavesHostOverCapacity(&fact)
  }

  // MARK: - Commits

  /// Makes the admitted entries durable.
  package func commit() throws(LogError) {
    guard let moment = recorded else { return }
    let isLate = intake.batchIsLate
    fill = Fill()
    let batch = intake.takeBatch(recorded: moment)
    try writer.commit(batch, isLate: isLate)
    recorded = nil
    saved = nil
    keys.wrote(batch, endsCommit: true)
  }

  /// Remembers the present state, so that `abandon` can return to it and the ledger be used further.
  ///
  /// - Complexity: linear in the fleet, once something is admitted.
  package func beginAbandonable() {
    saved = snapshot(keepsKeys: true)
  }

  /// Takes back what was admitted since the last commit.
  ///
  /// Without `beginAbandonable` before it, this is the last thing that is done with the ledger.
  package func abandon() throws(LogError) {
    guard recorded != nil else { return }
    if let saved = saved.take() {
      restore(saved)
    } else {
      keys.discard()
      isOver = true
    }
    recorded = nil
    try writer.abandon()
  }

  /// Begins a commit with the recorded time that its entries had elsewhere.
  package func restore(recorded moment: Timestamp) throws(LogError) -> Bool {
    if recorded == moment { return true }
    try commit()
    restoring = moment
    return writer.begin(recorded: moment)
  }

  private func spillIfFull() throws(AdmissionFailure) {
    guard
      fill.rowCount >= LogWriter.blockEntryCount
        || fill.textByteCount >= WritableLedger.blockTextByteCount
    else { return }
    do throws(LogError) { try spill() } catch { throw .log(error) }
  }

  private func spill() throws(LogError) {
    guard let moment = recorded, !intake.batch.isEmpty else { return }
    let isLate = intake.batchIsLate
    fill = Fill()
    let batch = intake.takeBatch(recorded: moment)
    try writer.write(batch, isLate: isLate)
    keys.wrote(batch, endsCommit: false)
  }
}

// MARK: - Facts about earlier entries

extension WritableLedger {
  /// Admits an `entry_voided`; the state is rebuilt before the next fact is judged.
  private func admitVoid(_ fact: borrowing Fact, _ fingerprint: UInt64) throws(AdmissionFailure) {
    guard let target = fact.rare.target, target >= 1, target <= head else {
      throw .rejected(.contradiction(.unknownEntry))
    }
    guard !voids.voided.contains(target) else {
      throw .rejected(.contradiction(.alreadyVoided))
    }
    let entry = try self.entry(target).fact
    guard entry.type.changesState, entry.contradiction == nil else {
      throw .rejected(.contradiction(.unknownEntry))
    }
    try checkRevival(voiding: target)
    if entry.closesNode, let node = entry.node {
      _ = intake.admitVoidedDeletion(fact, of: node, fingerprint: fingerprint)
    } else {
      do throws(Contradiction) {
        _ = try intake.admit(fact, fingerprint: fingerprint)
      } catch { throw .rejected(.contradiction(error)) }
    }
    voids.append(head, voiding: target)
    isStale = true
  }

  /// Refuses a void that would bring a node back while its id lives on as another.
  ///
  /// What it brings back can be far from `target`, the nodes of a host that is registered again for one, so that
  /// history is asked.
  private func checkRevival(voiding target: Int64) throws(AdmissionFailure) {
    let isTwice: Bool
    do throws(LogError) {
      isTwice = try readerOfAll().hasNodeTwice(voiding: target)
    } catch { throw .log(error) }
    guard !isTwice else { throw .rejected(.contradiction(.nodeCreatedTwice)) }
  }

  /// The rollback with the numbers and attributes that the node had before the upgrade.
  private func resolved(_ fact: borrowing Fact) throws(AdmissionFailure) -> Fact {
    // A restored entry says all of it.
    guard !fact.resources.isWhole else { return copy fact }
    guard let node = fact.node, intake.node(node) != nil else {
      throw .rejected(.contradiction(.unknownNode))
    }
    var named = fact.rare.target
    if named == nil, let key = fact.rare.targetKey {
      do throws(LogError) { named = try sequence(of: key) } catch { throw .log(error) }
    }
    guard let target = named, target >= 1, target <= head else {
      throw .rejected(.contradiction(.unknownEntry))
    }
    if upgrades == nil { try followUpgrades() }
    if let slot = intake.node(node), let upgrade = upgrades?[slot], upgrade.sequence == target,
      upgrade.node == node
    {
      return fact.restoring(upgrade.resources, upgrade.attributes)
    }
    return try resolvedByReplay(fact, node, target)
  }

  /// From now on, remembers what nodes were before they are upgraded.
  private func followUpgrades() throws(AdmissionFailure) {
    keepsDetails = true
    try refresh()
    upgrades = [:]
  }

  /// The upgrade that `fact` is, with what the node is before it.
  private func upgrade(
    by fact: borrowing Fact, _ sequence: Int64
  ) -> (slot: UInt32, record: Upgrade)? {
    guard fact.type == .nodeUpgraded, let node = fact.node, let slot = intake.node(node),
      let details = intake.state.nodeDetails
    else { return nil }
    return (
      slot,
      Upgrade(
        node: node, sequence: sequence, resources: intake.state.nodes[Int(slot)].resources,
        attributes: details.attributes(of: Int(slot)))
    )
  }

  /// The same for an upgrade from before the first rollback: takes a pass over the log.
  private func resolvedByReplay(
    _ fact: borrowing Fact, _ node: Name, _ target: Int64
  ) throws(AdmissionFailure) -> Fact {
    let upgrade = try entry(target)
    guard upgrade.fact.type == .nodeUpgraded, upgrade.fact.node == node else {
      throw .rejected(.contradiction(.notAnUpgrade))
    }
    let before: Projection
    do throws(LogError) {
      before = try readerOfAll().project(
        .sequence(target - 1), ReplayOptions(keepsNodeNames: true, keepsDetails: true))
    } catch { throw .log(error) }
    guard
      let slot = before.nodeNames.indices.first(where: {
        before.nodeNames[$0] == node && before.state.nodes[$0].isLive
      })
    else { throw .rejected(.contradiction(.notAnUpgrade)) }
    return fact.restoring(
      before.state.nodes[slot].resources,
      before.state.nodeDetails?.attributes(of: slot) ?? NodeAttributes())
  }

  /// The first entry that carries `key`.
  package func sequence(of key: Name) throws(LogError) -> Int64? {
    try keys.record(of: key) { () throws(LogError) in try writer.readerOfOpenCommit() }?.sequence
  }

  /// An entry of the log; takes a walk over it.
  package func entry(_ sequence: Int64) throws(AdmissionFailure) -> Entry {
    do throws(LogError) {
      var cursor = try readerOfAll().entries(from: sequence)
      while let step = try cursor.next() {
        if step.entry.sequence == sequence { return step.entry }
      }
      throw LogError.noSuchSequence(sequence, head: head)
    } catch { throw .log(error) }
  }

  /// A reader that also sees what the open commit has written; writes the rest of it first.
  private func readerOfAll() throws(LogError) -> LogReader {
    try spill()
    return try writer.readerOfOpenCommit()
  }

  private func refresh() throws(AdmissionFailure) {
    do throws(LogError) {
      let reader = try readerOfAll()
      let projection = try reader.project(
        .all,
        ReplayOptions(keepsNodeNames: true, keepsDetails: keepsDetails, keepsTouches: true))
      intake = WritableLedger.intake(projection, nextSequence: intake.nextSequence)
    } catch { throw .log(error) }
    isStale = false
  }
}

extension Fact {
  /// Whether the fact ends a node.
  fileprivate var closesNode: Bool {
    type == .nodeDeleted || type == .stateAdopted && rare.present == false
  }

  /// A rollback with what the node was before, where the fact does not say otherwise.
  fileprivate func restoring(_ before: Resources, _ attributes: NodeAttributes) -> Fact {
    var restored = self
    restored.setResources(resources.over(before))
    restored.attributes = self.attributes.over(attributes)
    return restored
  }
}

/// Tells how far the replay for writing has come.
private struct OpeningWatcher: ReplayWatcher {
  let progress: (Int64, Int64) -> Void

  mutating func block(_ batch: EntryBatch, of total: Int64) {
    progress(batch.nextSequence - 1, total)
  }
}
