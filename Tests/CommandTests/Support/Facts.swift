/// A line of NDJSON: `type` and `time`, then the other members as they are to be written.
func fact(_ type: String, _ time: Int, _ members: String) -> String {
  #"{"time":\#(time),"type":"\#(type)",\#(members)}"#
}

/// A host of 8 cores, 1000 bytes of memory and 500 of disk, unless told otherwise.
func host(_ id: String, _ time: Int = 0, _ size: (Int, Int, Int) = (8_000, 1_000, 500)) -> String {
  fact("host_registered", time, #""host":"\#(id)",\#(numbers(size))"#)
}

/// A node of 1 core, 100 bytes of memory and 10 of disk, unless told otherwise.
func node(
  _ id: String, on host: String?, _ time: Int, _ size: (Int, Int, Int) = (1_000, 100, 10),
  _ more: String = ""
) -> String {
  let place = host.map { "\"\($0)\"" } ?? "null"
  return fact("node_created", time, #""node":"\#(id)","host":\#(place),\#(numbers(size))\#(more)"#)
}

func deletion(_ id: String, _ time: Int, _ more: String = "") -> String {
  fact("node_deleted", time, #""node":"\#(id)"\#(more)"#)
}

func numbers(_ size: (Int, Int, Int)) -> String {
  #""cpu_millicores":\#(size.0),"memory_bytes":\#(size.1),"disk_bytes":\#(size.2)"#
}

/// The line with a key before its end.
func keyed(_ line: String, _ key: String) -> String {
  line.dropLast() + #","key":"\#(key)"}"#
}
