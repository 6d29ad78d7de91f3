#include "textflag.h"

// Instructions that Go's assembler does not have (Arm Architecture Reference Manual, C7.2), for registers 0 to 31.
#define FCVTL(n, d) WORD $(0x0E217800 | (n)<<5 | (d))
#define FCVTL2(n, d) WORD $(0x4E217800 | (n)<<5 | (d))
#define FADD4S(m, n, d) WORD $(0x4E20D400 | (m)<<16 | (n)<<5 | (d))
#define FADDP4S(m, n, d) WORD $(0x6E20D400 | (m)<<16 | (n)<<5 | (d))

// func kernel(dst *float32, rows *byte, q *float32, m, dim, stride int)
// dim must be a multiple of 16.
TEXT ·kernel(SB), NOSPLIT, $0-48
	MOVD dst+0(FP), R0
	MOVD rows+8(FP), R1
	MOVD q+16(FP), R2
	MOVD m+24(FP), R3
	MOVD dim+32(FP), R4
	MOVD stride+40(FP), R5

row:
	CBZ  R3, done
	VEOR V20.B16, V20.B16, V20.B16
	VEOR V21.B16, V21.B16, V21.B16
	VEOR V22.B16, V22.B16, V22.B16
	VEOR V23.B16, V23.B16, V23.B16
	MOVD R1, R6
	MOVD R2, R7
	MOVD R4, R8

step:
	VLD1.P 32(R6), [V0.B16, V1.B16]
	VLD1.P 64(R7), [V16.S4, V17.S4, V18.S4, V19.S4]
	FCVTL(0, 4)
	FCVTL2(0, 5)
	FCVTL(1, 6)
	FCVTL2(1, 7)
	VFMLA V4.S4, V16.S4, V20.S4
	VFMLA V5.S4, V17.S4, V21.S4
	VFMLA V6.S4, V18.S4, V22.S4
	VFMLA V7.S4, V19.S4, V23.S4
	SUBS  $16, R8, R8
	BNE   step

	FADD4S(21, 20, 20)
	FADD4S(23, 22, 22)
	FADD4S(22, 20, 20)
	FADDP4S(20, 20, 20)
	FADDP4S(20, 20, 20)
	FMOVS F20, (R0)
	ADD   $4, R0
	ADD   R5, R1
	SUB   $1, R3
	B     row

done:
	RET
