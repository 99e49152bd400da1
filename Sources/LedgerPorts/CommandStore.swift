package import LedgerCore

/// A live store in which commands such as an upgrade of a node can be carried out.
package protocol CommandStore: LiveStore {
  /// Carries out one command in one transaction.
  ///
  /// The rows of `scope` are locked and read, `decide` says what they shall become or refuses by throwing, the rows are changed, and
  /// `beforeCommit` gets what they held and hold now. The mark that it returns is in the same transaction, so that
  /// `lastCommand` can tell afterwards whether it was committed.
  func carryOut(
    _ scope: CommandScope, decide: (CommandView) throws(StoreError) -> CommandWrite,
    beforeCommit: ([RowImage]) throws(StoreError) -> CommandMark
  ) throws(StoreError)

  /// The mark of the last command of `ledger` that was committed; 0 where there was none.
  ///
  /// Makes the table of marks where it is missing, and waits for a command that is still being committed.
  func lastCommand(of ledger: String) throws(StoreError) -> Int64

  /// Moves the mark of `ledger` to `sequence`, because the store has been brought to what the ledger says.
  func setLastCommand(of ledger: String, to sequence: Int64) throws(StoreError)

  /// Moves the store's position from the mark of a command to `position`, where the store still stands at that mark.
  func advance(from sequence: Int64, to position: StorePosition) throws(StoreError)
}

/// Which rows a command is about.
package struct CommandScope: Hashable, Sendable {
  package var node: Name?
  /// The hosts that the command names; the node's own is looked at too.
  package var hosts: [Name] = []
  /// The image whose requirement is asked for.
  package var image: Name?
  /// The properties of the image that differ from what it declares.
  package var properties: [Name] = []
  /// The config whose requirement is asked for.
  package var config: Name?

  package init() {}
}

/// What the rows of a scope hold, all locked.
package struct CommandView: Sendable {
  /// A node's row.
  package struct Node: Sendable {
    package var row: LiveNode
    package var org: Name?
    /// Whether the row is only kept to say that the node is deleted.
    package var isDeleted: Bool

    package init(row: LiveNode, org: Name?, isDeleted: Bool) {
      self.row = row
      self.org = org
      self.isDeleted = isDeleted
    }
  }

  /// A host's row beside the count and sums of its nodes' rows; nil where they leave 64 bits.
  package struct Host: Sendable {
    package var row: LiveHost
    package var sum: Counters?

    package init(row: LiveHost, sum: Counters?) {
      self.row = row
      self.sum = sum
    }
  }

  package var node: Node?
  package var hosts: [Host] = []
  package var image: Requirement = .notKept
  package var config: Requirement = .notKept
  /// That of the config which the node's row names.
  package var oldConfig: Requirement = .notKept
  /// Properties of the scope that the image does not have.
  package var unknownProperties: [Name] = []
  package var position: StorePosition?
  /// Whether the store keeps whole cores.
  package var keepsWholeCores = false
  /// Whether the store has a table of images; else only configs speak of them.
  package var keepsImages = false
  /// Whether nodes get configs of their own.
  package var keepsConfigs = false
  /// Whether ids have to be UUIDs.
  package var needsUUIDs = false

  package init() {}
}

/// What an image or config declares a node to take.
package enum Requirement: Hashable, Sendable {
  /// The store does not keep such a thing, or the row names none.
  case notKept
  /// It is named, and there is no such row.
  case missing
  /// It is from a time when nothing was declared.
  case unknown
  /// It cannot be understood, and why.
  case invalid(String)
  /// It is more than 64 bits can say, and where.
  case overflow(String)
  case declared(Resources)
}

/// What commands do.
package enum CommandAction: String, CaseIterable, Sendable {
  case createNode = "node create"
  case upgradeNode = "node upgrade"
  case moveNode = "node move"
  case renameNode = "node rename"
  case deleteNode = "node delete"
  case registerHost = "host register"
  case resizeHost = "host resize"
  case retireHost = "host retire"
}

/// What a command makes of the rows.
package struct CommandWrite: Hashable, Sendable {
  /// A host's row before and after; `before` nil makes it.
  package struct Host: Hashable, Sendable {
    package var before: LiveHost?
    package var after: LiveHost

    package init(before: LiveHost?, after: LiveHost) {
      self.before = before
      self.after = after
    }
  }

  package var action: CommandAction
  package var moment: Timestamp
  package var nodeBefore: LiveNode?
  package var nodeAfter: LiveNode?
  /// What the command says of the node besides its numbers.
  package var attributes = NodeAttributes()
  /// The organisation that the node or host counts for.
  package var org: Name?
  package var hosts: [Host] = []
  /// A config that is made for the node.
  package var newConfig: LiveConfig?
  /// Columns that only this store has, with their values as text.
  package var settings: [CommandSetting] = []
  /// Who causes it, for the store's own log, where that has columns for it.
  package var author: CommandAuthor?
  /// The ids of new rows of the store's log and of its queue of commands.
  package var logID: Name
  package var queueID: Name

  package init(action: CommandAction, moment: Timestamp, logID: Name, queueID: Name) {
    self.action = action
    self.moment = moment
    self.logID = logID
    self.queueID = queueID
  }
}

/// A column of the new or changed row with its value as text.
package struct CommandSetting: Hashable, Sendable {
  package var column: String
  package var value: String

  package init(column: String, value: String) {
    self.column = column
    self.value = value
  }
}

/// Who causes a command, as the store's log names it: a kind and an id.
package struct CommandAuthor: Hashable, Sendable {
  package var kind: String
  package var id: String

  package init(kind: String, id: String) {
    self.kind = kind
    self.id = id
  }
}

/// What tells a committed command: the ledger that has its intent, and where.
package struct CommandMark: Hashable, Sendable {
  package var ledger: String
  package var sequence: Int64
  /// Where the store stands then; nil where it keeps no position.
  package var position: StorePosition?

  /// The table of marks, which is ours.
  package static let table = "allocledger_commands"

  package init(ledger: String, sequence: Int64, position: StorePosition?) {
    self.ledger = ledger
    self.sequence = sequence
    self.position = position
  }
}
