/* retention.h - what connmon-collect keeps when nobody says otherwise: it reads these words as it
 * reads those of a user, and the doctor of connmon-query tells them. */
#ifndef CONNMON_RETENTION_H
#define CONNMON_RETENTION_H

#define RETAIN_DEFAULT	      "30d"
#define RETAIN_TOTALS_DEFAULT "400d"
#define MAX_SIZE_DEFAULT      "4G"

#endif
