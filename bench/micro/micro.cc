/* micro.cc -- the functions that every byte or every append goes through. */
#include <benchmark/benchmark.h>

#include <vector>

#include "bench/micro/micro.h"

namespace
{

void BM_crc32c(benchmark::State &state)
{
    std::vector<char> bytes(static_cast<size_t>(state.range(0)), 'x');
    for (auto _ : state)
        benchmark::DoNotOptimize(micro_crc32c(bytes.data(), bytes.size()));
    state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_crc32c)->Arg(512)->Arg(4096)->Arg(65536)->Arg(1 << 20);

void BM_crc32c_combine(benchmark::State &state)
{
    uint32_t a = 0x12345678, b = 0x9abcdef0;
    for (auto _ : state)
        benchmark::DoNotOptimize(a = micro_crc32c_combine(a, b, 65536));
}
BENCHMARK(BM_crc32c_combine);

// range: records in the batch, bytes of each value
void BM_batch_verify(benchmark::State &state)
{
    size_t bytes;
    const void *batch = micro_batch(static_cast<uint32_t>(state.range(0)),
                                    static_cast<size_t>(state.range(1)), &bytes);
    for (auto _ : state)
        benchmark::DoNotOptimize(micro_batch_verify(batch, bytes));
    state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes));
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_batch_verify)->Args({ 1, 1024 })->Args({ 64, 1014 })->Args({ 600, 100 });

void BM_entry_encode(benchmark::State &state)
{
    for (auto _ : state)
        benchmark::DoNotOptimize(micro_entry_encode(static_cast<uint32_t>(state.range(0))));
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_entry_encode)->Arg(1)->Arg(62)->Arg(1024);

void BM_tail_put(benchmark::State &state)
{
    std::vector<char> bytes(static_cast<size_t>(state.range(0)), 'x');
    micro_tail *tail = micro_tail_open();
    for (auto _ : state)
        micro_tail_put(tail, bytes.data(), bytes.size());
    micro_tail_close(tail);
    state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_tail_put)->Arg(100)->Arg(1100)->Arg(65536);

void BM_index_find(benchmark::State &state)
{
    uint32_t tiles = static_cast<uint32_t>(state.range(0));
    micro_index *index = micro_index_open(tiles);
    uint64_t off = 1;
    for (auto _ : state) {
        benchmark::DoNotOptimize(micro_index_find(index, off % (tiles * 64)));
        off = off * 6364136223846793005u + 1442695040888963407u;
    }
    micro_index_close(index);
}
BENCHMARK(BM_index_find)->Arg(16)->Arg(1024);

// range: rings (0: the mailbox), letters of a turn
void BM_letters_own(benchmark::State &state)
{
    micro_mail *mail = micro_mail_open(static_cast<uint32_t>(state.range(0)));
    for (auto _ : state)
        benchmark::DoNotOptimize(micro_mail_own(mail, static_cast<uint32_t>(state.range(1))));
    state.SetItemsProcessed(state.iterations() * state.range(1));
    micro_mail_close(mail);
}
BENCHMARK(BM_letters_own)->Args({ 0, 1 })->Args({ 1, 1 })->Args({ 0, 32 })->Args({ 1, 32 });

void BM_letters_none(benchmark::State &state)
{
    micro_mail *mail = micro_mail_open(static_cast<uint32_t>(state.range(0)));
    for (auto _ : state)
        benchmark::DoNotOptimize(micro_mail_look(mail));
    micro_mail_close(mail);
}
BENCHMARK(BM_letters_none)->Arg(0)->Arg(2)->Arg(16)->Arg(256);

// Two threads, as fast as they can.
void BM_letters_cross(benchmark::State &state)
{
    micro_mail *mail = micro_mail_open(static_cast<uint32_t>(state.range(0)));
    int64_t letters = 0;
    for (auto _ : state)
        letters += micro_mail_cross(mail);
    state.SetItemsProcessed(letters);
    micro_mail_close(mail);
}
BENCHMARK(BM_letters_cross)->Arg(0)->Arg(1)->UseRealTime();

} // namespace

BENCHMARK_MAIN();
