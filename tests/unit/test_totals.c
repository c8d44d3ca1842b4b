#include "totals_db.h"

int main(void)
{
	return 0;
}
