/* The published evolution of a developmental genome (Kouvaris et al. 2017), one mutant against the resident, in plain C.
   Usage: evolution GENERATIONS COST PERIOD SEED; prints the sum of the weights, so that nothing is optimised away. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N 16

static uint64_t s[2];

static uint64_t rotate(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

static uint64_t next(void) { /* xoroshiro128+ */
    uint64_t a = s[0], b = s[1], r = a + b;
    b ^= a;
    s[0] = rotate(a, 24) ^ b ^ (b << 16);
    s[1] = rotate(b, 37);
    return r;
}

static double unit(void) { return (next() >> 11) * (1.0 / 9007199254740992.0); }

static double fitness(const double *g, double b[N][N], const double *target, double cost) {
    double p[N], q[N], match = 0, weights = 0;
    memcpy(p, g, sizeof p);
    for (int t = 0; t < 10; t++) {
        for (int i = 0; i < N; i++) {
            double h = 0;
            for (int j = 0; j < N; j++) h += b[i][j] * p[j];
            q[i] = 0.8 * p[i] + tanh(0.5 * h);
        }
        memcpy(p, q, sizeof p);
    }
    for (int i = 0; i < N; i++) match += 0.2 * p[i] * target[i];
    if (cost > 0)
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) weights += fabs(b[i][j]);
    return 0.5 * (1 + match / N) - cost * weights / (N * N);
}

int main(int argc, char **argv) {
    if (argc != 5) return 1;
    long generations = atol(argv[1]), period = atol(argv[3]);
    double cost = atof(argv[2]), size = 1.0 / 15 / (N * N);
    s[0] = 0x9E3779B97F4A7C15ULL * (uint64_t)(atoi(argv[4]) + 1);
    s[1] = 0xBF58476D1CE4E5B9ULL;
    const int pattern[N] = {-1, 1, -1, 1, -1, -1, 1, 1, -1, 1, 1, -1, -1, -1, -1, -1}, trained[3] = {0, 3, 5};
    double g[N] = {0}, b[N][N] = {{0}}, g2[N], b2[N][N], target[N], sum = 0;
    for (long done = 0; done < generations; done += period) {
        int member = trained[(done / period) % 3];
        for (int i = 0; i < N; i++) target[i] = pattern[i] * (i >= 4 && ((member >> (i / 4 - 1)) & 1) ? -1 : 1);
        double best = fitness(g, b, target, cost);
        for (long k = 0; k < period; k++) {
            memcpy(g2, g, sizeof g);
            memcpy(b2, b, sizeof b);
            int i = next() % N;
            g2[i] = fmin(1, fmax(-1, g2[i] + 0.2 * unit() - 0.1));
            for (int a = 0; a < N; a++)
                for (int c = 0; c < N; c++) b2[a][c] += size * (2 * unit() - 1);
            double value = fitness(g2, b2, target, cost);
            if (value > best) {
                memcpy(g, g2, sizeof g);
                memcpy(b, b2, sizeof b);
                best = value;
            }
        }
    }
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) sum += b[i][j];
    printf("%.6f\n", sum);
    return 0;
}
