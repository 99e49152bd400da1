package import LedgerPorts

extension SQLiteStore {
  /// Makes `changes` in one immediate transaction; see `LiveStore.apply`.
  ///
  /// A COMMIT can still fail as `locked` after `beforeCommit`, when a reader stays longer than the
  /// busy timeout: then nothing was changed.
  package func apply(
    _ changes: [LiveChange], position: StorePosition?,
    beforeCommit: ([RowImage]) throws(StoreError) -> Void
  ) throws(StoreError) {
    try writing(.write) { (database) throws(SQLiteFailure) in
      var run = ChangeRun(try reader(database))
      for change in changes { try run.make(change, database) }
      if let position { try run.set(position, database) }
      let images = try run.images(database)
      try calling { () throws(StoreError) in try beforeCommit(images) }
    }
  }

  /// Puts rows back with every column, storage class and byte; see `LiveStore.restore`.
  ///
  /// Several images of one row count as one, from the first `before` to the last `after`.
  package func restore(
    _ images: [RowImage], beforeCommit: () throws(StoreError) -> Void
  ) throws(StoreError) {
    let images = merged(images)
    try writing(.write) { (database) throws(SQLiteFailure) in
      let catalog = try StoreCatalog(database, tables: images.map(\.table))
      let editor = RowEditor(label: label, catalog: catalog)
      for image in images { try checkHolds(image.after, image, editor, database) }
      for image in images.reversed() { try putBack(image, editor, database) }
      for image in images { try checkRestored(image, editor, database) }
      try calling(beforeCommit)
    }
  }

  /// One image for each row: from its first `before` to its last `after`.
  private func merged(_ images: [RowImage]) -> [RowImage] {
    var merged: [RowImage] = []
    var indices: [RowPlace: Int] = [:]
    for image in images {
      if let index = indices[RowPlace(image)] {
        merged[index].after = image.after
      } else {
        indices[RowPlace(image)] = merged.count
        merged.append(image)
      }
    }
    return merged
  }

  private func checkHolds(
    _ expected: [StoredColumn]?, _ image: RowImage, _ editor: RowEditor,
    _ database: borrowing SQLiteConnection
  ) throws(SQLiteFailure) {
    let place = RowPlace(image)
    guard editor.catalog.has(place.table) else {
      throw .store(.unreadable("\(label) has no table \(place.table); it had when it was changed"))
    }
    let current = try editor.row(database, place)
    guard current != expected else { return }
    throw .store(
      .stale(
        "\(label): \(place.evidence) \(difference(current, expected)); nothing was changed"))
  }

  private func putBack(
    _ image: RowImage, _ editor: RowEditor, _ database: borrowing SQLiteConnection
  ) throws(SQLiteFailure) {
    let place = RowPlace(image)
    guard let before = image.before else {
      if image.after != nil { try editor.delete(database, place) }
      return
    }
    let columns = before.filter { editor.catalog.isWritable(place.table, $0.name) }
    if image.after != nil {
      try editor.update(database, place, columns)
    } else {
      // A row that is known by its rowid gets the same one again.
      let hasKey = columns.contains { $0.name.lowercased() == place.keyColumn.lowercased() }
      let key = StoredColumn(name: place.keyColumn, value: place.key)
      try editor.insert(database, place.table, hasKey ? columns : [key] + columns)
    }
  }

  /// Makes sure that the store took every byte back: triggers and affinities could interfere.
  private func checkRestored(
    _ image: RowImage, _ editor: RowEditor, _ database: borrowing SQLiteConnection
  ) throws(SQLiteFailure) {
    let place = RowPlace(image)
    let current = try editor.row(database, place)
    guard current != image.before else { return }
    throw .store(
      .failed(
        "\(label): \(place.evidence) could not be put back exactly: it "
          + "\(difference(current, image.before)); look at the table's triggers"))
  }

  private func difference(_ current: [StoredColumn]?, _ expected: [StoredColumn]?) -> String {
    guard let current else { return "is gone" }
    guard let expected else { return "is there again" }
    guard current.map(\.name) == expected.map(\.name) else { return "has other columns now" }
    let told = zip(current, expected).filter { $0 != $1 }.map { now, then in
      "has \(now.name) \(now.value.evidence) instead of \(then.value.evidence)"
    }
    return told.joined(separator: ", ")
  }
}
