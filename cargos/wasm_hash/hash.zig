//! wasm-hash: SHA-256, MD5 and BLAKE3 of a text or of base64 data.
//!
//! One job per instance. Standard input holds one JSON object, standard output gets JSON lines:
//! `status`, then `token` and `done`, or `error` with exit code 1. `README.md` shows both ways.
//! The only imports are fd_read, fd_write and proc_exit: there is no clock, file or entropy here,
//! so equal input gives equal bytes on every engine. Memory is fixed at link time and never grows.

const std = @import("std");
const Blake3 = std.crypto.hash.Blake3;
const Md5 = std.crypto.hash.Md5;
const Sha256 = std.crypto.hash.sha2.Sha256;
const Scanner = std.json.Scanner;

/// As much as the coordinator takes; the line feed that it adds is not counted.
const input_bytes_max = 256 * 1024;
/// The most is taken by escaped base64: a copy without escapes, and three quarters of it again when decoded.
const arena_bytes = 2 * input_bytes_max;
const digest_bytes_max = 32;
const line_bytes_max = 512;

const stdin_fd = 0;
const stdout_fd = 1;
const wasi_success = 0;

const ReadVector = extern struct { base: [*]u8, len: usize };
const WriteVector = extern struct { base: [*]const u8, len: usize };

extern "wasi_snapshot_preview1" fn fd_read(fd: i32, vectors: [*]const ReadVector, count: usize, done: *usize) u16;
extern "wasi_snapshot_preview1" fn fd_write(fd: i32, vectors: [*]const WriteVector, count: usize, done: *usize) u16;
extern "wasi_snapshot_preview1" fn proc_exit(code: u32) noreturn;

/// A broken promise of this file traps; it never goes on with wrong bytes.
pub const panic = std.debug.no_panic;

const Algorithm = enum { sha256, md5, blake3 };
const Field = enum { text, base64, algorithm, algorithms };
const Job = struct { data: []const u8, algorithms: std.enums.EnumSet(Algorithm) };

const BadInput = error{
    TooLong,
    NotOneObject,
    FieldTwice,
    TextNotString,
    Base64NotCanonical,
    UnknownAlgorithm,
    BadAlgorithms,
    NotOneSource,
    TwoSelections,
};

/// What a person reads: the field, then the rule it broke. No quotes or backslashes: it goes into JSON as it is.
fn explain(bad: BadInput) []const u8 {
    return switch (bad) {
        error.TooLong => "input: must be at most 262144 bytes of JSON",
        error.NotOneObject => "input: must be one valid JSON object in UTF-8, without unpaired surrogates",
        error.FieldTwice => "text, base64, algorithm, algorithms: must be given at most once each",
        error.TextNotString => "text: must be a string",
        error.Base64NotCanonical => "base64: must be a string in standard base64, padded with =, without spaces",
        error.UnknownAlgorithm => "algorithm: must be one of sha256, md5, blake3",
        error.BadAlgorithms => "algorithms: must be a list of one or more of sha256, md5, blake3, each at most once",
        error.NotOneSource => "input: must have exactly one of text and base64",
        error.TwoSelections => "input: must have at most one of algorithm and algorithms",
    };
}

export fn _start() void {
    writeLine("{\"type\":\"status\",\"message\":\"ready\"}\n");
    hashInput() catch |bad| {
        var buffer: [line_bytes_max]u8 = undefined;
        var line: std.Io.Writer = .fixed(&buffer);
        print(&line, "{{\"type\":\"error\",\"message\":\"{s}\"}}\n", .{explain(bad)});
        writeLine(line.buffered());
        proc_exit(1);
    };
}

fn hashInput() BadInput!void {
    const storage = struct {
        // Room for the line feed and for the one byte that is too much.
        var input: [input_bytes_max + 2]u8 = undefined;
        var arena: [arena_bytes]u8 = undefined;
    };
    var arena: std.heap.FixedBufferAllocator = .init(&storage.arena);
    const job = try parseJob(try readInput(&storage.input), arena.allocator());
    writeDigests(job);
    writeLine("{\"type\":\"done\",\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":1}}\n");
}

fn readInput(buffer: []u8) BadInput![]const u8 {
    var len: usize = 0;
    while (len < buffer.len) {
        var count: usize = 0;
        const rest: ReadVector = .{ .base = buffer.ptr + len, .len = buffer.len - len };
        if (fd_read(stdin_fd, &.{rest}, 1, &count) != wasi_success) proc_exit(1);
        if (count == 0) break;
        len += count;
    }
    const input = std.mem.trimEnd(u8, buffer[0..len], "\n");
    return if (input.len > input_bytes_max) error.TooLong else input;
}

fn parseJob(input: []const u8, arena: std.mem.Allocator) BadInput!Job {
    var scanner = Scanner.initCompleteInput(arena, input);
    var data: std.enums.EnumMap(Field, []const u8) = .{};
    var algorithms: std.enums.EnumSet(Algorithm) = .empty;
    var seen: std.enums.EnumSet(Field) = .empty;
    if (try peek(&scanner) != .object_begin) return error.NotOneObject;
    _ = try next(&scanner, arena);
    while (try peek(&scanner) != .object_end) {
        const field = try nextName(Field, &scanner, arena) orelse {
            scanner.skipValue() catch |failure| return refuse(failure);
            continue;
        };
        if (seen.contains(field)) return error.FieldTwice;
        seen.insert(field);
        switch (field) {
            .text => data.put(field, try nextString(&scanner, arena) orelse return error.TextNotString),
            .base64 => data.put(field, try nextBase64(&scanner, arena)),
            .algorithm => algorithms.insert(try nextAlgorithm(&scanner, arena) orelse return error.UnknownAlgorithm),
            .algorithms => algorithms = try nextAlgorithms(&scanner, arena),
        }
    }
    _ = try next(&scanner, arena);
    if (try peek(&scanner) != .end_of_document) return error.NotOneObject;
    if (seen.contains(.algorithm) and seen.contains(.algorithms)) return error.TwoSelections;
    if (data.count() != 1) return error.NotOneSource;
    if (algorithms.count() == 0) algorithms.insert(.sha256);
    return .{ .data = data.get(.text) orelse data.getAssertContains(.base64), .algorithms = algorithms };
}

fn nextAlgorithm(scanner: *Scanner, arena: std.mem.Allocator) BadInput!?Algorithm {
    return if (try peek(scanner) == .string) try nextName(Algorithm, scanner, arena) else null;
}

fn nextAlgorithms(scanner: *Scanner, arena: std.mem.Allocator) BadInput!std.enums.EnumSet(Algorithm) {
    var algorithms: std.enums.EnumSet(Algorithm) = .empty;
    if (try peek(scanner) != .array_begin) return error.BadAlgorithms;
    _ = try next(scanner, arena);
    while (try peek(scanner) != .array_end) {
        const algorithm = try nextAlgorithm(scanner, arena) orelse return error.BadAlgorithms;
        if (algorithms.contains(algorithm)) return error.BadAlgorithms;
        algorithms.insert(algorithm);
    }
    _ = try next(scanner, arena);
    return if (algorithms.count() == 0) error.BadAlgorithms else algorithms;
}

fn nextBase64(scanner: *Scanner, arena: std.mem.Allocator) BadInput![]const u8 {
    const encoded = try nextString(scanner, arena) orelse return error.Base64NotCanonical;
    const decoder = std.base64.standard.Decoder;
    const size = decoder.calcSizeForSlice(encoded) catch return error.Base64NotCanonical;
    const decoded = arena.alloc(u8, size) catch @panic("arena_bytes is too small");
    decoder.decode(decoded, encoded) catch return error.Base64NotCanonical;
    return decoded;
}

/// Reads a string; null if it names no member of `Names`.
fn nextName(comptime Names: type, scanner: *Scanner, arena: std.mem.Allocator) BadInput!?Names {
    return switch (try next(scanner, arena)) {
        .string, .allocated_string => |name| std.meta.stringToEnum(Names, name),
        else => unreachable,
    };
}

fn nextString(scanner: *Scanner, arena: std.mem.Allocator) BadInput!?[]const u8 {
    if (try peek(scanner) != .string) return null;
    return switch (try next(scanner, arena)) {
        .string, .allocated_string => |string| string,
        else => unreachable,
    };
}

fn peek(scanner: *Scanner) BadInput!std.json.TokenType {
    return scanner.peekNextTokenType() catch |failure| refuse(failure);
}

fn next(scanner: *Scanner, arena: std.mem.Allocator) BadInput!std.json.Token {
    return scanner.nextAllocMax(arena, .alloc_if_needed, input_bytes_max) catch |failure| refuse(failure);
}

fn refuse(failure: (Scanner.NextError || Scanner.AllocError)) BadInput {
    return switch (failure) {
        error.OutOfMemory => @panic("arena_bytes is too small"),
        else => error.NotOneObject,
    };
}

/// One token whose content is a JSON text: `{"sha256":"…","bytes":3}`.
fn writeDigests(job: Job) void {
    var buffer: [line_bytes_max]u8 = undefined;
    var line: std.Io.Writer = .fixed(&buffer);
    print(&line, "{{\"type\":\"token\",\"content\":\"{{", .{});
    var algorithms = job.algorithms.iterator();
    while (algorithms.next()) |algorithm| {
        var digest: [digest_bytes_max]u8 = undefined;
        print(&line, "\\\"{t}\\\":\\\"{x}\\\",", .{ algorithm, hash(algorithm, job.data, &digest) });
    }
    print(&line, "\\\"bytes\\\":{d}}}\"}}\n", .{job.data.len});
    writeLine(line.buffered());
}

fn hash(algorithm: Algorithm, data: []const u8, digest: *[digest_bytes_max]u8) []const u8 {
    switch (algorithm) {
        inline else => |known| {
            const Hash = switch (known) {
                .sha256 => Sha256,
                .md5 => Md5,
                .blake3 => Blake3,
            };
            Hash.hash(data, digest[0..Hash.digest_length], .{});
            return digest[0..Hash.digest_length];
        },
    }
}

fn print(line: *std.Io.Writer, comptime template: []const u8, values: anytype) void {
    line.print(template, values) catch @panic("line_bytes_max is too small");
}

fn writeLine(line: []const u8) void {
    var rest = line;
    while (rest.len > 0) {
        var count: usize = 0;
        const vector: WriteVector = .{ .base = rest.ptr, .len = rest.len };
        if (fd_write(stdout_fd, &.{vector}, 1, &count) != wasi_success) proc_exit(1);
        rest = rest[count..];
    }
}
