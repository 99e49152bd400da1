package import LedgerText

extension SelftestReport {
  /// Writes the report as `allocledger.selftest/1`.
  package func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.key("schema")
    writer.string("allocledger.selftest/1")
    writer.key("seed")
    writer.decimal(String(seed))
    writer.key("classes")
    writer.beginArray()
    for row in rows + [explainable] where row.injected > 0 { write(row, to: &writer) }
    writer.endArray()
    writer.key("calibration")
    writer.beginArray()
    for bucket in buckets { write(bucket, to: &writer) }
    writer.endArray()
    writer.key("clean_stores")
    writer.integer(Int64(cleanStores))
    writer.key("false_alarms")
    writer.integer(Int64(falseAlarms))
    writer.endObject()
  }

  private func write(_ row: Row, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.key("class")
    writer.string(row.name)
    let numbers = [
      ("injected", row.injected), ("with_effect", row.withEffect), ("detected", row.detected),
      ("rank_1", row.first), ("rank_3", row.third),
    ]
    for (name, number) in numbers {
      writer.key(name)
      writer.integer(Int64(number))
    }
    writer.key("mean_rank_1_size")
    writer.decimal(SelftestReport.thousandths(row.meanFirstRankSize))
    writer.endObject()
  }

  private func write(_ bucket: Bucket, to writer: inout JSONWriter) {
    let count = Double(max(bucket.answers, 1))
    writer.beginObject()
    for (name, share) in [
      ("from", bucket.low), ("to", bucket.high), ("expected", bucket.certainties / count),
      ("true", Double(bucket.truths) / count),
    ] {
      writer.key(name)
      writer.decimal(SelftestReport.thousandths(share))
    }
    writer.key("answers")
    writer.integer(Int64(bucket.answers))
    writer.endObject()
  }

  private static func thousandths(_ value: Double) -> String {
    let thousandths = Int64((value * 1_000).rounded())
    let rest = String(thousandths % 1_000)
    return "\(thousandths / 1_000)." + String(repeating: "0", count: 3 - rest.count) + rest
  }
}
