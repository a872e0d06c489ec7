/* Times law_eval and DAQP on the same states in one process; called by benchmarks/c_export.py.
 *
 * race FILE ROUNDS: FILE holds ints n, rows, ms, t, states; then doubles H, A (rows - ms), f, F, upper, upper_S, lower,
 * lower_S and the states. Prints nanoseconds per state, best of the rounds: law_eval, DAQP cold, DAQP warm (each with
 * the update of f and bounds), the update alone, and the largest difference of the first inputs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "api.h"
#include "utils.h"
#include "law.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

static double *reals(FILE *file, int count)
{
    double *values = malloc(sizeof(double) * (size_t)(count > 0 ? count : 1));
    if (fread(values, sizeof(double), (size_t)count, file) != (size_t)count) {
        exit(2);
    }
    return values;
}

static void affine(int rows, int t, const double *offset, const double *slope, const double *x, double *out)
{
    int i, j;
    for (i = 0; i < rows; i++) {
        out[i] = offset[i];
        for (j = 0; j < t; j++) {
            out[i] += slope[i * t + j] * x[j];
        }
    }
}

int main(int count, char **words)
{
    FILE *file = fopen(words[1], "rb");
    int size[5], rounds = atoi(words[2]), round, i, k, mode;
    double best[4] = {1e30, 1e30, 1e30, 1e30}, gap = 0, sink = 0;
    if (count != 3 || !file || fread(size, sizeof(int), 5, file) != 5) {
        return 2;
    }
    {
        int n = size[0], rows = size[1], ms = size[2], t = size[3], states = size[4];
        double *H = reals(file, n * n), *A = reals(file, (rows - ms) * n), *f0 = reals(file, n), *F = reals(file, n * t);
        double *u0 = reals(file, rows), *uS = reals(file, rows * t), *l0 = reals(file, rows), *lS = reals(file, rows * t);
        double *x = reals(file, states * t), *f = calloc((size_t)n, 8), *up = calloc((size_t)rows, 8);
        double *low = calloc((size_t)rows, 8), *z = calloc((size_t)n, 8), *lam = calloc((size_t)rows, 8), u[LAW_INPUTS];
        int *sense = calloc((size_t)rows, sizeof(int));
        DAQPProblem qp;
        DAQPWorkspace work;
        DAQPResult result;
        memset(&qp, 0, sizeof qp);
        memset(&work, 0, sizeof work);
        memset(&result, 0, sizeof result);
        qp.n = n; qp.m = rows; qp.ms = ms; qp.H = H; qp.f = f; qp.A = A;
        qp.bupper = up; qp.blower = low; qp.sense = sense;
        result.x = z; result.lam = lam;
        affine(n, t, f0, F, x, f);
        affine(rows, t, u0, uS, x, up);
        affine(rows, t, l0, lS, x, low);
        if (setup_daqp(&qp, &work, NULL) < 0) {
            return 3;
        }
        for (round = 0; round < rounds; round++) {
            for (mode = 0; mode < 4; mode++) {
                int passes = mode == 0 ? 10 : 1;
                double start = now(), spent;
                for (k = 0; k < passes; k++) {
                    for (i = 0; i < states; i++) {
                        const double *here = x + i * t;
                        if (mode == 0) {
                            law_eval(here, u);
                            sink += u[0];
                            continue;
                        }
                        affine(n, t, f0, F, here, f);
                        affine(rows, t, u0, uS, here, up);
                        affine(rows, t, l0, lS, here, low);
                        daqp_update_ldp(DAQP_UPDATE_v + DAQP_UPDATE_d, &work, &qp);
                        if (mode == 3) {
                            sink += work.v ? work.v[0] : 0;
                            continue;
                        }
                        if (mode == 1) {
                            daqp_deactivate_constraints(&work);
                            reset_daqp_workspace(&work);
                        }
                        daqp_solve(&result, &work);
                        if (round == 0 && mode == 1 && result.exitflag > 0) {
                            double apart;
                            law_eval(here, u);
                            apart = fabs(u[0] - z[0]);
                            gap = apart > gap ? apart : gap;
                        }
                        sink += z[0];
                    }
                }
                spent = (now() - start) / (double)(passes * states);
                best[mode] = spent < best[mode] ? spent : best[mode];
            }
        }
    }
    printf("%.6g %.6g %.6g %.6g %.3g\n", best[0], best[1], best[2], best[3], gap);
    return sink == 0.123 ? 1 : 0;
}
